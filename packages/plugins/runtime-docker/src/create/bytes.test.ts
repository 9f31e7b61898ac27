import { afterEach, describe, expect, it } from 'vitest';
import { createDockerRuntime } from '../docker-runtime.js';
import type { DockerRuntime } from '../docker-runtime.js';
import { fakeEngine, json } from '../test/fake-engine.js';
import type { FakeEngine } from '../test/fake-engine.js';
import { containerOf, never, sandboxOf } from '../test/pods.js';
import { encodeLabels } from '../identity/labels.js';

const ID = 'c'.repeat(64);
let server: FakeEngine | undefined;
let runtime: DockerRuntime | undefined;

afterEach(async () => {
  await runtime?.[Symbol.asyncDispose]();
  await server?.close();
});

/** An engine that has one running sandbox and accepts everything. */
async function opened(options: Parameters<typeof createDockerRuntime>[0] = {}): Promise<{ readonly runtime: DockerRuntime; readonly server: FakeEngine }> {
  const { pod, attempt, labels, annotations } = sandboxOf('one');
  const ours = encodeLabels('me', { kind: 'sandbox', pod, attempt, labels, annotations, sharing: { network: 'pod', pid: 'container', ipc: 'pod' } });
  server = await fakeEngine(({ line }, response) => {
    if (line.includes('/containers/json')) json(response, 200, []);
    else if (line.startsWith('POST /containers/create')) json(response, 201, { Id: ID, Warnings: [] });
    else if (line.includes('/info')) json(response, 200, { DockerRootDir: '/var/lib/docker', SecurityOptions: [], Architecture: 'x86_64', OSType: 'linux' });
    else if (line.includes('/images/')) json(response, 200, { Id: 'sha256:pause', RepoTags: ['pause:1'], Config: {} });
    else if (line.includes(`/containers/${ID}/json`)) {
      json(response, 200, { Id: ID, Created: '2024-01-01T00:00:00Z', Image: 'sha256:pause', Config: { Labels: ours }, State: { Status: 'running', Running: true, Paused: false, Pid: 1, ExitCode: 0, OOMKilled: false, StartedAt: '2024-01-01T00:00:00Z', FinishedAt: '0001-01-01T00:00:00Z' }, NetworkSettings: { Networks: {} } });
    } else response.writeHead(204).end();
  });
  runtime = createDockerRuntime({ id: 'me', socketPath: server.socketPath, sandboxImage: 'pause:1', ...options });
  return { runtime, server };
}

const creates = ({ requests }: FakeEngine) => requests.filter(({ line }) => line.startsWith('POST /containers/create'));

describe('what goes over the socket', () => {
  it('is the plan, once, in the body; the address has the name alone', async () => {
    const made = await opened();
    await made.runtime.runSandbox(sandboxOf('one'), never);
    await made.runtime.createContainer(ID, containerOf('echo "ü"', { env: [{ name: 'SECRET', value: 'hunter2' }] }), never);
    const [sandbox, container] = creates(made.server);
    expect(sandbox?.line).toBe('POST /containers/create?name=orrery_me_POD_one_test_uid-one_0');
    expect(container?.line).toBe('POST /containers/create?name=orrery_me_main_one_test_cccccccccccc_0');
    expect(JSON.parse(sandbox?.body ?? '')).toMatchObject({ Image: 'sha256:pause', HostConfig: { CapDrop: ['ALL'], NetworkMode: 'bridge' } });
    expect(Object.keys(JSON.parse(container?.body ?? '') as object).sort()).toEqual(['Entrypoint', 'Env', 'Healthcheck', 'HostConfig', 'Image', 'Labels', 'OpenStdin', 'StdinOnce', 'Tty']);
    expect(JSON.parse(container?.body ?? '')).toMatchObject({ Entrypoint: ['sh', '-c', 'echo "ü"'], Env: ['SECRET=hunter2'], HostConfig: { Privileged: false, NetworkMode: `container:${ID}` } });
    expect(made.server.requests.map(({ line }) => line).join('\n')).not.toContain('hunter2');
  });

  it('is nothing at all when the policy refuses', async () => {
    const made = await opened();
    const refusals = [
      () => made.runtime.runSandbox(sandboxOf('two', { hostNetwork: true }), never),
      () => made.runtime.createContainer(ID, containerOf('x', { security: { privileged: true } }), never),
      () => made.runtime.createContainer(ID, containerOf('x', { mounts: [{ hostPath: made.server.socketPath, containerPath: '/docker.sock', readOnly: true }], name: 'socket' }), never),
      () => made.runtime.createContainer(ID, containerOf('x', { mounts: [{ hostPath: '/', containerPath: '/host', readOnly: true }], name: 'root' }), never),
    ];
    for (const refusal of refusals) await expect(refusal()).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(creates(made.server)).toEqual([]);
  });

  it('never has an id that is none of the engine\'s in an address', async () => {
    const made = await opened();
    for (const id of ['../../images/json', 'a'.repeat(63), `${ID}?force=1`]) {
      await made.runtime.removeContainer(id, never);
      await made.runtime.removeSandbox(id, never);
      await made.runtime.stopContainer(id, 0, never);
      await expect(made.runtime.containerStatus(id, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(made.runtime.exec(id, { command: ['x'], tty: false, stdin: false }, never)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await made.runtime.listContainers(never, id)).toEqual([]);
    }
    expect(made.server.requests).toEqual([]);
  });
});
