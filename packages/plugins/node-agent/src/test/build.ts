import type { Pod, RuntimeContainerStatus, SandboxStatus } from '@orrery/core';

/** A pod for tests of pure functions. */
export const podOf = (spec: object, more: object = {}): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pod', namespace: 'default', uid: 'u-1' }, spec: { containers: [{ name: 'main', image: 'none' }], ...spec }, ...more }) as Pod;

const identity = { namespace: 'default', name: 'pod', uid: 'u-1' };

export const sandboxOf = (attempt = 0, state: 'ready' | 'notReady' = 'ready'): SandboxStatus => ({
  id: `s${attempt}`, pod: identity, attempt, state, ips: state === 'ready' ? ['10.0.0.9'] : [], createdAt: 0, labels: {}, annotations: {},
});

export const containerOf = (name: string, attempt: number, state: RuntimeContainerStatus['state'], more: Partial<RuntimeContainerStatus> = {}): RuntimeContainerStatus => ({
  id: `${name}-${attempt}`, sandboxId: 's0', pod: identity, name, attempt, image: 'none', imageId: 'none', state, createdAt: 0, labels: {}, annotations: {},
  ...(state === 'created' ? {} : { startedAt: 1_000 }),
  ...(state === 'exited' ? { finishedAt: 2_000, exitCode: 0, reason: 'Completed' } : {}),
  ...more,
});
