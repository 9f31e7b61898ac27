import type { ContainerConfig, Runtime, SandboxConfig } from '@orrery/core';
import { systemClock, longLived } from '@orrery/core';
import { IMAGE } from './context.js';

export const never = longLived(new AbortController()).signal;

/** A sandbox's config. */
export function sandboxOf(name: string, over: Partial<SandboxConfig> = {}): SandboxConfig {
  return { pod: { namespace: 'test', name, uid: `uid-${name}` }, attempt: 0, hostname: name, labels: { app: name }, annotations: {}, hostNetwork: false, hostPorts: [], ...over };
}

/** A container's config for a script; by default one that runs until it is asked to end. */
export function containerOf(script = 'trap "exit 143" TERM; while :; do sleep 1000 & wait $!; done', over: Partial<ContainerConfig> = {}): ContainerConfig {
  return {
    name: 'main', attempt: 0, image: IMAGE, command: ['sh', '-c', script], args: [], env: [], mounts: [], resources: {}, stdin: false, tty: false, labels: {}, annotations: {}, security: {},
    ...over,
  };
}

/** A sandbox with one started container. */
export async function startPod(runtime: Runtime, name: string, script?: string, over?: Partial<ContainerConfig>): Promise<{ readonly sandboxId: string; readonly id: string }> {
  const { id: sandboxId } = await runtime.runSandbox(sandboxOf(name), never);
  const id = await runtime.createContainer(sandboxId, containerOf(script, over), never);
  await runtime.startContainer(id, never);
  return { sandboxId, id };
}

/** Waits until the probe gives something. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined | false> | T | undefined | false, withinMs = 20_000): Promise<T> {
  const deadline = systemClock.monotonic() + withinMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (systemClock.monotonic() > deadline) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await systemClock.sleep(20, never);
  }
}
