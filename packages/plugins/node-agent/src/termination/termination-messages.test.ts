import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Container, LogEntry, Pod, Runtime } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PodView } from '../pod/view.js';
import { containerOf, podOf } from '../test/build.js';
import { PodFolders } from '../volumes/pod-folders.js';
import { FileTerminationMessages } from './termination-messages.js';

const never = new AbortController().signal;
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'orrery-words-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const messagesOf = (log: readonly string[] = [], capabilities: object = { mounts: true, realProcesses: true }) => {
  let reads = 0;
  async function* logs(): AsyncIterable<LogEntry> {
    reads += 1;
    for (const line of log) yield { timestamp: '', stream: 'stdout', line, partial: false };
  }
  return { messages: new FileTerminationMessages(new PodFolders(root), { capabilities, logs } as unknown as Runtime), reads: () => reads };
};
const withContainers = (...containers: object[]): Pod => podOf({ containers: containers.map((more, i) => ({ name: `c${i}`, image: 'i', ...more })) });
const first = (pod: Pod): Container => pod.spec.containers[0] as Container;
const exited = (attempt = 0, exitCode = 1): PodView => ({ sandboxes: [], containers: [containerOf('c0', attempt, 'exited', { exitCode })] });
const wordsOf = async (messages: FileTerminationMessages, pod: Pod, view: PodView): Promise<string | undefined> => (await messages.annotate(pod, view, never)).containers[0]?.message;

describe('termination messages', () => {
  it('are what an attempt left in its own file', async () => {
    const { messages } = messagesOf();
    const pod = withContainers({ terminationMessagePath: '/out/words' });
    const mounts = await Promise.all([0, 1].map((attempt) => messages.mount(pod, first(pod), attempt)));
    expect(mounts.map((mount) => mount?.containerPath)).toEqual(['/out/words', '/out/words']);
    writeFileSync(mounts[0]?.hostPath ?? '', 'first');
    writeFileSync(mounts[1]?.hostPath ?? '', 'second');
    expect(await wordsOf(messages, pod, exited(0))).toBe('first');
    expect(await wordsOf(messages, pod, exited(1))).toBe('second');
    await messages.mount(pod, first(pod), 2);
    expect(existsSync(mounts[0]?.hostPath ?? '')).toBe(false);
    // Read once: nothing can change what was told.
    expect(await wordsOf(messages, pod, exited(0))).toBe('first');
  });

  it('follow what the runtime has to say', async () => {
    const { messages } = messagesOf();
    const pod = withContainers({});
    writeFileSync((await messages.mount(pod, first(pod), 0))?.hostPath ?? '', 'words');
    const view = { sandboxes: [], containers: [containerOf('c0', 0, 'exited', { message: 'killed' })] };
    expect(await wordsOf(messages, pod, view)).toBe('killed: words');
    expect(await wordsOf(messages, pod, { sandboxes: [], containers: [containerOf('c0', 0, 'running')] })).toBeUndefined();
  });

  it('are the last 4096 bytes, and 12 KiB a pod, without half characters', async () => {
    const { messages } = messagesOf();
    const long = `start${'ä'.repeat(3000)}`;
    const alone = withContainers({});
    writeFileSync((await messages.mount(alone, first(alone), 0))?.hostPath ?? '', long);
    expect(await wordsOf(messages, alone, exited())).toBe('ä'.repeat(2048));
    const five = withContainers({}, {}, {}, {}, {});
    expect(await wordsOf(messages, five, exited())).toBe('ä'.repeat(1228));
    const odd = messagesOf().messages;
    writeFileSync((await odd.mount(alone, first(alone), 0))?.hostPath ?? '', `${long}x`);
    expect(await wordsOf(odd, alone, exited())).toBe(`${'ä'.repeat(2047)}x`);
  });

  it('come from the log of a container that failed and said nothing, if it asks for that', async () => {
    const log = Array.from({ length: 60 }, (_, i) => `${'x'.repeat(50)} ${i}`);
    const { messages, reads } = messagesOf(log);
    const pod = withContainers({ terminationMessagePolicy: 'FallbackToLogsOnError' });
    await messages.mount(pod, first(pod), 0);
    const words = (await wordsOf(messages, pod, exited())) ?? '';
    expect(words.length).toBe(2048);
    expect(words.endsWith(`${'x'.repeat(50)} 59\n`)).toBe(true);
    await wordsOf(messages, pod, exited());
    expect(reads()).toBe(1);
    expect(await wordsOf(messagesOf(log).messages, pod, exited(0, 0))).toBeUndefined();
    expect(await wordsOf(messagesOf(log).messages, withContainers({ terminationMessagePolicy: 'File' }), exited())).toBeUndefined();
  });

  it.each(['link', 'pipe'])('a %s in place of the file is not followed', async (what) => {
    const { messages } = messagesOf();
    const pod = withContainers({});
    const path = (await messages.mount(pod, first(pod), 0))?.hostPath ?? '';
    rmSync(path);
    if (what === 'link') symlinkSync('/etc/passwd', path);
    else execFileSync('sh', ['-c', 'mkfifo "$0"', path]);
    expect(await wordsOf(messages, pod, exited())).toMatch(/^Error on reading termination log: /);
  });

  it('without mounts only a place of the container\'s own is shown, and in a simulation none', async () => {
    const own = withContainers({ terminationMessagePath: '/words' });
    const usual = withContainers({ terminationMessagePath: '/dev/termination-log' });
    const processes = messagesOf([], { mounts: false, realProcesses: true }).messages;
    expect(await processes.mount(usual, first(usual), 0)).toBeUndefined();
    expect(await processes.mount(own, first(own), 0)).toMatchObject({ containerPath: '/words' });
    expect(await messagesOf([], { mounts: true, realProcesses: false }).messages.mount(own, first(own), 0)).toBeUndefined();
  });
});
