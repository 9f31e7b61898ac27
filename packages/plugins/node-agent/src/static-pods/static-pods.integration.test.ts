import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Event } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { condition, containerOf, TestCluster } from '../test/cluster.js';
import { ManifestFolder } from './manifest-folder.js';

const yaml = (name: string, script: string): string => `
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: none
      command: [sh, -c, "${script}"]
`;

let cleanUp: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const undo of cleanUp.reverse()) await undo();
  cleanUp = [];
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'orrery-static-'));
  cleanUp.push(() => rmSync(path, { recursive: true }));
  return path;
}

describe('a folder of manifests', () => {
  it('runs as real processes, follows its files, and is not disturbed by bad ones', async () => {
    const path = folder();
    writeFileSync(join(path, 'web.yaml'), yaml('web', 'echo first; exec sleep 1000'));
    const cluster = new TestCluster({ agent: { staticPodPath: path } });
    await cluster.start();
    cleanUp.push(() => cluster.dispose());
    const first = await cluster.ready('web-node');
    const [identity] = (await cluster.runtime.listSandboxes(new AbortController().signal)).map(({ pod }) => pod);
    expect(identity).toEqual({ namespace: 'default', name: 'web-node', uid: first.metadata.annotations?.['kubernetes.io/config.mirror'] });
    expect(await cluster.output(first)).toEqual(['first']);
    writeFileSync(join(path, 'bad.yaml'), 'kind: [');
    writeFileSync(join(path, 'second.yaml'), yaml('second', 'exec sleep 1000'));
    await cluster.ready('second-node');
    writeFileSync(join(path, 'web.yaml'), yaml('web', 'echo other; exec sleep 1000'));
    const other = await cluster.until('web-node', (pod) => pod.metadata.uid !== first.metadata.uid && condition(pod, 'Ready') === 'True');
    expect(await cluster.output(other)).toEqual(['other']);
    rmSync(join(path, 'web.yaml'));
    await cluster.gone('web-node');
    expect(condition(await cluster.get('second-node'), 'Ready')).toBe('True');
    const bad = (await cluster.orchestrator.client.kind(Event).list()).items.filter(({ reason }) => reason === 'FailedStaticPod');
    expect(bad.map(({ message }) => message)).toEqual([expect.stringContaining('"bad.yaml"')]);
  });

  it('is found running again by the next agent, even when the API has forgotten everything; what was changed meanwhile is exchanged', async () => {
    const path = folder();
    writeFileSync(join(path, 'web.yaml'), yaml('web', 'exec sleep 1000'));
    const cluster = new TestCluster({ agent: { staticPodPath: path } });
    await cluster.start();
    cleanUp.push(() => cluster.dispose());
    const before = await cluster.ready('web-node');
    await cluster.orchestrator.stop();
    await cluster.start();
    const after = await cluster.ready('web-node');
    expect(containerOf(after)).toMatchObject({ containerID: containerOf(before)?.containerID, restartCount: 0 });
    expect(await cluster.runtime.listSandboxes(new AbortController().signal)).toHaveLength(1);
    await cluster.orchestrator.stop();
    writeFileSync(join(path, 'web.yaml'), yaml('web', 'echo changed; exec sleep 1000'));
    await cluster.start();
    const changed = await cluster.until('web-node', (pod) => condition(pod, 'Ready') === 'True' && containerOf(pod)?.containerID !== containerOf(before)?.containerID);
    expect(await cluster.output(changed)).toEqual(['changed']);
    expect(await cluster.runtime.listSandboxes(new AbortController().signal)).toHaveLength(1);
  });

  it('reads only ordinary files of moderate size, below no folder and without a dot', async () => {
    const path = folder();
    writeFileSync(join(path, 'b.yaml'), 'text');
    writeFileSync(join(path, '.hidden.yaml'), 'hidden');
    writeFileSync(join(path, 'large.yaml'), 'x'.repeat(1024 * 1024 + 1));
    mkdirSync(join(path, 'folder.yaml'));
    symlinkSync('/nonexistent', join(path, 'dangling.yaml'));
    symlinkSync('/dev/zero', join(path, 'endless.yaml'));
    const source = new ManifestFolder(path, () => {});
    expect(await source.read()).toEqual([
      { file: 'b.yaml', text: 'text' },
      { file: 'endless.yaml', problem: 'not a file' },
      { file: 'large.yaml', problem: '1048577 bytes; the limit is 1048576' },
    ]);
    expect(await new ManifestFolder(join(path, 'missing'), () => {}).read()).toEqual([]);
    await expect(new ManifestFolder(join(path, 'b.yaml'), () => {}).read()).rejects.toThrow('ENOTDIR');
  });
});
