import { ApiError, type AttachOptions, type ExecSession, type LogEntry, type LogOptions, OrreryError, type Pod, type Runtime } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { containerOf, podOf, sandboxOf } from '../test/build.js';
import { AgentStreams } from './agent-streams.js';
import { chooseLog, chooseRunning } from './choose-container.js';
import { logText } from './log-text.js';
import { ReachableStreams } from './reachable-streams.js';

const never = new AbortController().signal;
const IDENTITY = { namespace: 'default', name: 'pod', uid: 'u-1' };
const podWith = (status: object, part = 'containerStatuses', spec: object = {}): Pod => podOf(spec, { status: { [part]: [{ name: 'main', ...status }] } });
const ended = (id: string): object => ({ terminated: { exitCode: 1, ...(id !== '' && { containerID: id }) } });

describe('whose output is meant', () => {
  it.each([
    ['one that runs', { state: { running: {} }, containerID: 'r://now', lastState: ended('r://before') }, false, 'now'],
    ['the one before', { state: { running: {} }, containerID: 'r://now', lastState: ended('r://before') }, true, 'before'],
    ['one that has ended', { state: ended('r://now'), lastState: ended('r://before') }, false, 'now'],
    ['one that waits to be started again', { state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: ended('r://before') }, false, 'before'],
    ['one that could not be started after another', { state: ended(''), lastState: ended('r://before') }, false, 'before'],
  ])('%s', (_what, status, previous, id) => {
    for (const part of ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses']) expect(chooseLog(podWith(status, part), 'main', previous)).toBe(id);
  });

  it.each([
    ['none was before', { state: { running: {} }, containerID: 'r://now' }, true, 'previous terminated container "main" in pod "pod" not found'],
    ['it has not started', { state: { waiting: { reason: 'ContainerCreating' } } }, false, 'container "main" in pod "pod" is waiting to start: ContainerCreating'],
    ['its image cannot be had', { state: { waiting: { reason: 'ErrImagePull' } } }, false, 'container "main" in pod "pod" is waiting to start: image can\'t be pulled'],
    ['its image is tried again', { state: { waiting: { reason: 'ImagePullBackOff' } } }, false, 'container "main" in pod "pod" is waiting to start: trying and failing to pull image'],
    ['nothing is known', {}, false, 'container "main" in pod "pod" is waiting to start - no logs yet'],
    ['it ended without having been', { state: ended('') }, false, 'container "main" in pod "pod" is terminated'],
  ])('nobody\'s, when %s', (_what, status, previous, message) => {
    expect(() => chooseLog(podWith(status), 'main', previous)).toThrow(expect.objectContaining({ reason: 'BadRequest', message }));
  });

  it('a command runs in the attempt that runs', () => {
    const view = { sandboxes: [sandboxOf()], containers: [containerOf('main', 0, 'exited'), containerOf('main', 1, 'running'), containerOf('other', 2, 'running')] };
    expect(chooseRunning(view, 'main').id).toBe('main-1');
    expect(() => chooseRunning({ ...view, containers: [] }, 'main')).toThrow('Internal error occurred: unable to upgrade connection: container not found ("main")');
  });
});

describe('output as text', () => {
  const entry = (line: string, more: Partial<LogEntry> = {}): LogEntry => ({ timestamp: '2026-01-01T00:00:00.000000001Z', stream: 'stdout', line, partial: false, ...more });
  const text = async (entries: readonly LogEntry[], options = {}): Promise<string> => {
    const pieces: Uint8Array[] = [];
    const source = (async function* () {
      yield* entries;
    })();
    for await (const piece of logText(source, options)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  };
  const lines = [entry('one'), entry('tw', { partial: true }), entry('o'), entry('err', { stream: 'stderr' }), entry('')];

  it('lines that came in pieces are whole, and times stand where lines begin', async () => {
    expect(await text(lines)).toBe('one\ntwo\nerr\n\n');
    const at = '2026-01-01T00:00:00.000000001Z';
    expect(await text(lines, { timestamps: true })).toBe(`${at} one\n${at} two\n${at} err\n${at} \n`);
    expect(await text([entry('no end', { partial: true })])).toBe('no end');
  });

  it('only one stream, and only so many bytes, counted with the times', async () => {
    expect(await text(lines, { stream: 'stderr' })).toBe('err\n');
    expect(await text(lines, { limitBytes: 6 })).toBe('one\ntw');
    expect(await text(lines, { limitBytes: 4 })).toBe('one\n');
    expect(await text(lines, { limitBytes: 12, timestamps: true })).toBe('2026-01-01T0');
  });
});

/** A runtime that has one pod, and tells what it is asked. */
function runtimeWith(over: Partial<Record<keyof Runtime, unknown>> = {}, tty = true): { runtime: Runtime; asked: unknown[] } {
  const asked: unknown[] = [];
  const session = { stdin: { write: async (chunk: Uint8Array) => void asked.push(String(chunk)), end: () => void asked.push('end') }, stdout: [], stderr: [], exitCode: Promise.resolve(0), resize: () => {}, close: async () => {} } as unknown as ExecSession;
  const runtime = {
    name: 'fake',
    capabilities: { tty },
    listSandboxes: async (_signal: AbortSignal, uid: string) => (asked.push(uid), [{ ...sandboxOf(0, 'notReady'), id: 's-old' }, { ...sandboxOf(1), id: 's0' }]),
    listContainers: async (_signal: AbortSignal, id: string) => (id === 's0' ? [containerOf('main', 0, 'running')] : []),
    containerStatus: async () => containerOf('main', 0, 'running'),
    logs: async function* (id: string, options: LogOptions) {
      asked.push([id, options]);
      yield { timestamp: 't', stream: 'stdout', line: 'line', partial: false };
    },
    exec: async (id: string, options: unknown) => (asked.push([id, options]), session),
    attach: async (id: string, options: AttachOptions) => (asked.push([id, options]), session),
    portForward: async (id: string, port: number) => (asked.push([id, port]), {}),
    ...over,
  } as unknown as Runtime;
  return { runtime, asked };
}
const RUNNING = podWith({ state: { running: {} }, containerID: 'fake://c-1' });
const streamsOf = (runtime: Runtime, pod: Pod = RUNNING): AgentStreams => new AgentStreams({ node: 'n1', runtime, pods: () => [pod] });

describe('the streams of an agent', () => {
  it('hand the query to the runtime, as far as it can heed it', async () => {
    const { runtime, asked } = runtimeWith();
    const pieces = await streamsOf(runtime).logs(IDENTITY, 'main', { follow: true, tailLines: 3, sinceTime: 5, timestamps: true }, never);
    for await (const piece of pieces) expect(String(piece)).toBe('t line\n');
    expect(asked).toEqual([['c-1', { follow: true, tailLines: 3, sinceTime: 5 }]]);
  });

  it('say that a log is gone before anything is written', async () => {
    const { runtime } = runtimeWith({ containerStatus: () => Promise.reject(new OrreryError('NOT_FOUND', 'gone')) });
    await expect(streamsOf(runtime).logs(IDENTITY, 'main', {}, never)).rejects.toMatchObject({ reason: 'BadRequest', message: 'unable to retrieve container logs for fake://c-1' });
  });

  it('know pods by their uid, and static pods by their names: the API shows those under another uid', async () => {
    const { runtime, asked } = runtimeWith();
    const streams = streamsOf(runtime);
    await expect(streams.exec({ ...IDENTITY, uid: 'other' }, 'main', { command: ['a'], tty: false, stdin: false }, never)).rejects.toMatchObject({ reason: 'NotFound', message: 'pods "pod" not found' });
    const fixed: Pod = { ...RUNNING, metadata: { ...RUNNING.metadata, annotations: { 'kubernetes.io/config.source': 'file', 'kubernetes.io/config.hash': 'u-1' } } };
    await streamsOf(runtime, fixed).exec({ ...IDENTITY, uid: 'mirror' }, 'main', { command: ['a'], tty: false, stdin: false }, never);
    expect(asked).toEqual(['u-1', ['main-0', { command: ['a'], tty: false, stdin: false }]]);
  });

  it('say in Kubernetes\' words why a command, a container or a port cannot be reached', async () => {
    const refuse = () => Promise.reject(new OrreryError('UNAVAILABLE', 'no such thing'));
    const { runtime } = runtimeWith({ exec: refuse, attach: refuse, portForward: refuse });
    const streams = streamsOf(runtime);
    const words = { reason: 'InternalError', message: expect.stringContaining('Internal error occurred: error executing command in container: no such thing') };
    await expect(streams.exec(IDENTITY, 'main', { command: ['a'], tty: false, stdin: false }, never)).rejects.toMatchObject(words);
    await expect(streams.attach(IDENTITY, 'main', { tty: false, stdin: false }, never)).rejects.toMatchObject(words);
    await expect(streams.portForward(IDENTITY, 80, never)).rejects.toMatchObject({ reason: 'InternalError', message: expect.stringMatching(/^error forwarding port 80 to pod s0, uid : no such thing/) });
    const { runtime: stopped } = runtimeWith({ listSandboxes: async () => [] });
    await expect(streamsOf(stopped).portForward(IDENTITY, 80, never)).rejects.toThrow('the pod is not running');
  });

  it.each([
    ['a container that reads nothing', {}, [['main-0', { stdin: false, tty: false }]]],
    ['one that reads', { stdin: true }, [['main-0', { stdin: true, tty: false }], 'typed']],
    ['one that reads from the first client only', { stdin: true, stdinOnce: true }, [['main-0', { stdin: true, tty: false }], 'typed', 'end']],
    ['one with a terminal', { stdin: true, tty: true }, [['main-0', { stdin: true, tty: true }], 'typed']],
  ])('attach to %s', async (_what, more, expected) => {
    const { runtime, asked } = runtimeWith();
    const pod = podOf({ containers: [{ name: 'main', image: 'none', ...more }] });
    const session = await streamsOf(runtime, pod).attach(IDENTITY, 'main', { tty: false, stdin: true }, never);
    await session.stdin.write(Buffer.from('typed'));
    session.stdin.end();
    expect(asked.slice(1)).toEqual(expected);
  });

  it('a terminal that the runtime cannot give is not asked for', async () => {
    const { runtime, asked } = runtimeWith({}, false);
    await streamsOf(runtime, podOf({ containers: [{ name: 'main', image: 'none', tty: true }] })).attach(IDENTITY, 'main', { tty: true, stdin: false }, never);
    expect(asked[1]).toEqual(['main-0', { stdin: false, tty: false }]);
  });

  it('of an agent that is not there yet are refused', async () => {
    const made: AgentStreams[] = [];
    const streams = new ReachableStreams('n1', () => made[0]);
    const ask = () => [streams.logs(IDENTITY, 'main', {}, never), streams.exec(IDENTITY, 'main', { command: ['a'], tty: false, stdin: false }, never), streams.attach(IDENTITY, 'main', { tty: false, stdin: false }, never), streams.portForward(IDENTITY, 80, never)];
    for (const outcome of await Promise.allSettled(ask())) expect(outcome.status === 'rejected' && ApiError.is(outcome.reason, 'ServiceUnavailable')).toBe(true);
    made.push(streamsOf(runtimeWith().runtime));
    for (const outcome of await Promise.allSettled(ask())) expect(outcome.status).toBe('fulfilled');
  });
});
