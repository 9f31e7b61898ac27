import { join, resolve } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { type Plugin, systemClock, systemRandom } from '@orrery/core';
import { loopbackNetwork } from '@orrery/network-loopback';
import { nodeAgent, type Prober } from '@orrery/node-agent';
import { userspaceProxy } from '@orrery/proxy-userspace';
import { rbac } from '@orrery/rbac';
import { spread } from '@orrery/scheduler-spread';
import { localPathStorage } from '@orrery/storage-local-path';
import type { UpSettings } from './settings.js';

/** The parts of a cluster but for its door. Drivers are loaded when they are asked for. */
export async function partsOf(settings: UpSettings): Promise<Plugin[]> {
  const { nodes, proxy, data } = settings;
  const local = nodes === 0 ? [] : settings.runtime === 'simulated' ? await simulated(settings) : [await runtimeOf(settings), agentOf(settings), localPathStorage()];
  const services = proxy === 'userspace' && nodes > 0 ? [userspaceProxy()] : [];
  return [await storeOf(settings.store, data), spread(), workloadControllers(), rbac(), loopbackNetwork(), ...local, ...services];
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

async function runtimeOf({ runtime, data, onExit }: UpSettings): Promise<Plugin> {
  const onStop = onExit === 'remove' ? 'destroy' : 'leave';
  if (runtime === 'process') return (await import('@orrery/runtime-process')).processRuntime({ stateDir: join(data, 'runtime'), onStop });
  return (await import('@orrery/runtime-docker')).dockerRuntime({ id: 'orrery', onStop });
}

/** What simulated nodes say of themselves. */
interface Pretended {
  readonly capacity?: Record<string, string>;
  readonly prober?: Prober;
  readonly eviction?: 'off';
}

/** Containers that are only pretended, on nodes whose size is pretended too; their probes are answered by what pretends them. */
async function simulated(settings: UpSettings): Promise<Plugin[]> {
  const { simulatedRuntime, SimulatedMachine } = await import('@orrery/runtime-simulated');
  const machine = new SimulatedMachine({ clock: systemClock, random: systemRandom });
  const prober: Prober = {
    probe: async ({ containerId }, _handler, kind) => ({ ok: kind === 'postStart' || kind === 'preStop' || machine.probe(containerId, kind), message: 'the simulated container says so' }),
  };
  return [simulatedRuntime({ machine }), agentOf(settings, { capacity: { cpu: '64', memory: '256Gi', pods: '250' }, prober, eviction: 'off' })];
}

function agentOf({ nodes, nodeName, data }: UpSettings, pretended: Pretended = {}): Plugin {
  const names = nodes === 1 ? { name: nodeName } : { nodes: Array.from({ length: nodes }, (_, i) => ({ name: `${nodeName}-${i + 1}` })) };
  return nodeAgent({ ...names, ...pretended, rootDir: join(data, 'nodes') });
}
