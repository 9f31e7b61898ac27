import { type Controller, defineController, Pod } from '@orrery/core';
import { POOL_LABEL, Sandbox } from './kinds.js';

/** Runs a pod for each sandbox and tells how it is. */
export function sandboxController(): Controller {
  return defineController({
    name: 'sandbox',
    for: Sandbox,
    owns: [Pod],
    workers: 8,
    async reconcile(sandbox, { client, owned, controlled, writeStatus }) {
      if (sandbox.status?.phase === 'Ended') return;
      const [pod] = owned(Pod);
      if (pod === undefined && sandbox.status === undefined) {
        const made = await client.kind(Pod).create(controlled(podFor(sandbox)));
        await writeStatus({ phase: 'Starting', pod: made.metadata.name });
        return;
      }
      await writeStatus(planStatus(sandbox, pod));
    },
  });
}

/** How a sandbox is, by its pod. One that was there and is gone, or has ended, took everything with it. Pure. */
export function planStatus(sandbox: Sandbox, pod: Pod | undefined): NonNullable<Sandbox['status']> {
  const name = pod?.metadata.name ?? sandbox.status?.pod;
  const known = name === undefined ? {} : { pod: name };
  if (pod === undefined || pod.metadata.deletionTimestamp !== undefined) return { phase: 'Ended', ...known, message: 'its pod was deleted' };
  const { phase, podIP, conditions = [], message, reason } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') return { phase: 'Ended', ...known, message: message ?? reason ?? `its pod is ${phase}` };
  const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
  if (!isReady) return { phase: 'Starting', ...known };
  const { port } = sandbox.spec.template;
  return { phase: 'Ready', ...known, ...(podIP !== undefined && { address: port === undefined ? podIP : `${podIP}:${port}` }) };
}

function podFor({ metadata, spec: { template } }: Sandbox): Pod {
  const { image, command, env, port, requests } = template;
  const probe = port === undefined ? {} : { ports: [{ containerPort: port }], readinessProbe: { httpGet: { path: '/', port }, periodSeconds: 1 } };
  const own = [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }];
  const container = { name: 'sandbox', image, command, env: [...own, ...Object.entries(env).map(([name, value]) => ({ name, value }))], resources: { requests }, ...probe };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: metadata.name, labels: { [POOL_LABEL]: metadata.labels?.[POOL_LABEL] ?? '' } },
    spec: { restartPolicy: 'Never', terminationGracePeriodSeconds: 1, automountServiceAccountToken: false, containers: [container] },
  } as unknown as Pod;
}
