import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newContainerRecord, newSandboxRecord } from '../shared/records.js';
import { Journal } from './journal.js';

let directory: string;
let complaints: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'orrery-journal-'));
  complaints = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = (): Journal => new Journal(directory, (message) => complaints.push(message));
const id = (digit: string): string => digit.repeat(32);
const sandbox = newSandboxRecord(
  id('a'),
  { pod: { namespace: 'n', name: 'p', uid: 'u' }, attempt: 0, hostname: 'h', labels: {}, annotations: {}, hostNetwork: false, hostPorts: [] },
  1,
  '127.70.0.1',
);
const config = { name: 'c', attempt: 0, image: '', command: ['x'], args: [], env: [], mounts: [], resources: {}, stdin: false, tty: false, labels: {}, annotations: {}, security: {} };

describe('the journal', () => {
  it('gives back what was written, in its last state', () => {
    const journal = open();
    journal.saveSandbox(sandbox);
    journal.saveContainer(newContainerRecord(id('b'), sandbox.id, config, 1));
    journal.saveContainer({ ...newContainerRecord(id('b'), sandbox.id, config, 1), startedAt: 2 });
    journal.saveContainer(newContainerRecord(id('c'), sandbox.id, config, 1));
    journal.removeContainer(id('c'));
    const next = open();
    expect([...next.sandboxes.values()]).toEqual([sandbox]);
    expect([...next.containers.values()]).toEqual([{ ...newContainerRecord(id('b'), sandbox.id, config, 1), startedAt: 2 }]);
    expect(complaints).toEqual([]);
  });

  it('survives a torn last line, and lines that are not records', () => {
    open().saveSandbox(sandbox);
    appendFileSync(join(directory, 'journal'), '{"sandbox":{"version":9,"id":"x"}}\n{"__proto__":1}\n{"container":{"ver');
    expect([...open().sandboxes.keys()]).toEqual([sandbox.id]);
    expect(complaints.length).toBe(3);
  });

  it('does not grow with the number of changes, and is for this user only', () => {
    const journal = open();
    const large = { ...newContainerRecord(id('b'), sandbox.id, { ...config, image: 'x'.repeat(10_000) }, 1) };
    for (let change = 0; change < 1_000; change++) journal.saveContainer({ ...large, startedAt: change });
    const { size, mode } = statSync(join(directory, 'journal'));
    expect(size).toBeLessThan(1_200_000);
    expect(mode & 0o077).toBe(0);
    expect(open().containers.get(id('b'))?.startedAt).toBe(999);
    expect(readFileSync(join(directory, 'journal'), 'utf8').split('\n').length).toBe(2);
  });
});
