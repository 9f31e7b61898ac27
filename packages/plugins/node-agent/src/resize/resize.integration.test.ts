import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { containerOf, forever, shell, TestCluster } from '../test/cluster.js';

let cluster: TestCluster;
afterEach(() => cluster.dispose());

/** The process of a container, found by what the runtime marks it with. */
function processOf(pod: Pod): number {
  const id = containerOf(pod)?.containerID?.replace(/^.*:\/\//, '') ?? '';
  const marked = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).find((pid) => read(`/proc/${pid}/environ`)?.split('\0').includes(`ORRERY_CONTAINER_ID=${id}`));
  if (marked === undefined) throw new Error(`nothing runs as ${id}`);
  return Number(marked);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** What the kernel holds the process to: cpu weight, cpu limit, memory limit, as its group's files say. */
function held(pid: number): readonly (string | undefined)[] {
  const groups = (read(`/proc/${pid}/cgroup`) ?? '').split('\n').map((line) => line.split(':'));
  const pathOf = (controller: string): string => groups.find((parts) => (parts[1] ?? '').split(',').includes(controller))?.[2] ?? '';
  const mounts = (read('/proc/self/mountinfo') ?? '').split('\n').map((line) => line.split(' '));
  const v1 = (controller: string): string | undefined => mounts.find((fields) => fields[fields.indexOf('-') + 1] === 'cgroup' && (fields.at(-1) ?? '').split(',').includes(controller))?.[4];
  const [cpu, memory] = [v1('cpu'), v1('memory')];
  if (cpu !== undefined && memory !== undefined) {
    const below = (root: string, controller: string, file: string): string | undefined => read(join(root, pathOf(controller), file));
    return [below(cpu, 'cpu', 'cpu.shares'), below(cpu, 'cpu', 'cpu.cfs_quota_us'), below(memory, 'memory', 'memory.limit_in_bytes')];
  }
  const unified = mounts.find((fields) => fields[fields.indexOf('-') + 1] === 'cgroup2')?.[4] ?? '/sys/fs/cgroup';
  return ['cpu.weight', 'cpu.max', 'memory.max'].map((file) => read(join(unified, pathOf(''), file)));
}

const resources = (cpu: string, limit: string, memory: string) => ({ requests: { cpu, memory: '16Mi' }, limits: { cpu: limit, memory } });
const MIB = 2 ** 20;
const [FIRST, SECOND] = [
  [['102', '50000', String(64 * MIB)], ['4', '50000 100000', String(64 * MIB)]],
  [['256', '200000', String(128 * MIB)], ['10', '200000 100000', String(128 * MIB)]],
];

describe('a resize of real processes', () => {
  it('changes the files of its control groups, and leaves the process alone; an agent that is started anew finds it so', async (test) => {
    cluster = await new TestCluster({ journal: true, capacity: { cpu: '4', memory: '4Gi' } }).start();
    if (!cluster.runtime.capabilities.resize) {
      if (process.env['ORRERY_REQUIRE'] === 'all') throw new Error('no control groups can be made here');
      return test.skip('this machine gives no control groups');
    }
    await cluster.run('web', { containers: [shell(forever, { resources: resources('100m', '500m', '64Mi') })] });
    const before = await cluster.ready('web');
    const pid = processOf(before);
    expect(FIRST).toContainEqual(held(pid));
    expect(containerOf(before)).toMatchObject({ resources: resources('100m', '500m', '64Mi'), allocatedResources: { cpu: '100m', memory: '16Mi' } });

    await cluster.pods.patch({ namespace: 'default', name: 'web' }, 'strategic', { spec: { containers: [{ name: 'main', resources: resources('250m', '2', '128Mi') }] } }, { subresource: 'resize' });
    const after = await cluster.until('web', (pod) => containerOf(pod)?.resources?.limits?.['memory'] === '128Mi' && !(pod.status?.conditions ?? []).some(({ type }) => type.startsWith('PodResize')));
    expect([processOf(after), containerOf(after)?.restartCount]).toEqual([pid, 0]);
    expect(SECOND).toContainEqual(held(pid));
    expect(containerOf(after)).toMatchObject({ resources: resources('250m', '2', '128Mi'), allocatedResources: { cpu: '250m' } });

    await cluster.orchestrator.stop();
    await cluster.start();
    await cluster.pods.patch({ namespace: 'default', name: 'web' }, 'strategic', { spec: { containers: [{ name: 'main', resources: resources('100m', '500m', '64Mi') }] } }, { subresource: 'resize' });
    const back = await cluster.until('web', (pod) => containerOf(pod)?.resources?.limits?.['memory'] === '64Mi');
    expect([processOf(back), containerOf(back)?.restartCount]).toEqual([pid, 0]);
    expect(FIRST).toContainEqual(held(pid));
  });
});
