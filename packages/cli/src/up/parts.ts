import { join, resolve } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import type { Plugin } from '@orrery/core';
import { customResources } from '@orrery/custom-resources';
import { loopbackNetwork } from '@orrery/network-loopback';
import { podSecurity } from '@orrery/pod-security';
import { userspaceProxy } from '@orrery/proxy-userspace';
import { rbac } from '@orrery/rbac';
import { spread } from '@orrery/scheduler-spread';
import { localPathStorage } from '@orrery/storage-local-path';
import { type NodeOptions, nodeParts } from '../nodes.js';
import type { UpSettings } from './settings.js';

/** The parts of a cluster but for its door. Drivers are loaded when they are asked for. */
export async function partsOf(settings: UpSettings): Promise<Plugin[]> {
  const { nodes, proxy, data, nodeGrace } = settings;
  const local = nodes === 0 ? [] : await nodeParts(settings, { ...namesOf(settings), ...apiServerOf(settings) });
  // Also without nodes here: machines that join keep volumes, too.
  const storage = settings.runtime === 'simulated' ? [] : [localPathStorage()];
  const services = proxy === 'userspace' && nodes > 0 ? [userspaceProxy()] : [];
  const nodeLifecycle = { gracePeriodSeconds: nodeGrace, monitorPeriodSeconds: Math.min(5, nodeGrace / 10) };
  return [await storeOf(settings.store, data), spread(), workloadControllers({ nodeLifecycle }), rbac(), customResources(), loopbackNetwork(), ...local, ...storage, ...services, podSecurity()];
}

async function storeOf(store: string, data: string): Promise<Plugin> {
  const [, scheme = '', rest = ''] = /^(\w+):?(.*)$/s.exec(store) ?? [];
  switch (scheme) {
    case 'memory':
      return (await import('@orrery/store-memory')).memoryStore();
    case 'sqlite':
      return (await import('@orrery/store-sqlite')).sqliteStore({ path: rest === '' ? join(data, 'store.db') : resolve(rest) });
    case 'etcd':
      return (await import('@orrery/store-etcd')).etcdStore({ endpoints: rest.slice(2).split(','), prefix: '/orrery/' });
    default:
      return (await import('@orrery/store-redis')).redisStore({ url: store, prefix: 'orrery' });
  }
}

/** Where pods reach the API, if that is known beforehand and they can: processes see the machine as it is, containers do not see its loopback. */
function apiServerOf({ runtime, listen: { host, port } }: UpSettings): Pick<NodeOptions, 'apiServer'> {
  const isHere = /^(?:127\.|::1$|localhost$|0\.0\.0\.0$|::$)/.test(host);
  if (port === 0 || (runtime === 'docker' && isHere)) return {};
  return { apiServer: { host: host.replace(/^0\.0\.0\.0$/, '127.0.0.1').replace(/^::$/, '::1'), port } };
}

const namesOf = ({ nodes, nodeName }: UpSettings): NodeOptions => (nodes === 1 ? { name: nodeName } : { nodes: Array.from({ length: nodes }, (_, i) => ({ name: `${nodeName}-${i + 1}` })) });
