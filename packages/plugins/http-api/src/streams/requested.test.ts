import { clientMessage } from '@orrery/stream-channels';
import { describe, expect, it } from 'vitest';
import { Query } from '../query.js';
import { argumentsOf, commandOf, containerOf, logQueryOf, portsOf, streamOf } from './requested.js';

const pod = { metadata: { name: 'p' }, spec: { containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'i' }], ephemeralContainers: [{ name: 'e' }] } } as Parameters<typeof containerOf>[0];
const NOW = 1_000_000;

describe('what is asked of a pod', () => {
  it('is a stream of a pod only', () => {
    const ref = { group: '', version: 'v1', resource: 'pods', namespace: 'n', name: 'p' };
    expect(['log', 'exec', 'attach', 'portforward', 'status', undefined].map((subresource) => streamOf({ ...ref, ...(subresource !== undefined && { subresource }) }))).toEqual(['log', 'exec', 'attach', 'portforward', undefined, undefined]);
    expect(streamOf({ ...ref, group: 'metrics.k8s.io', subresource: 'log' })).toBeUndefined();
    expect(streamOf({ group: '', version: 'v1', resource: 'pods', name: 'p', subresource: 'log' })).toBeUndefined();
  });

  it('containers of all kinds have names', () => {
    expect(['a', 'b', 'i', 'e'].map((name) => containerOf(pod, name))).toEqual(['a', 'b', 'i', 'e']);
    expect(() => containerOf(pod, 'x')).toThrow('container x is not valid for pod p');
    expect(() => containerOf(pod, undefined)).toThrow('a container name must be specified for pod p, choose one of: [a b] or one of the init containers: [i]');
  });

  it('with a terminal there is no stderr', () => {
    expect(commandOf(new Query('stdin=1&stdout=true&stderr=true&tty=true'))).toEqual({ stdin: true, stdout: true, stderr: false, tty: true });
    expect(commandOf(new Query('stderr=true&stdout=false'))).toEqual({ stdin: false, stdout: false, stderr: true, tty: false });
  });

  it('commands keep their words as they are', () => {
    expect(argumentsOf(new Query('command=sh&command=-c&command=echo+%24A%3B+exit&command='))).toEqual(['sh', '-c', 'echo $A; exit', '']);
    for (const bad of ['', 'command=', 'command=a&command=%00', Array.from({ length: 1_001 }, () => 'command=a').join('&')]) expect(() => argumentsOf(new Query(bad))).toThrow(expect.objectContaining({ reason: 'BadRequest' }));
  });

  it('ports are numbers of ports', () => {
    expect(portsOf(new Query('ports=80&ports=81,65535'))).toEqual([80, 81, 65_535]);
    for (const bad of ['', 'ports=', 'ports=0', 'ports=65536', 'ports=1,x', `ports=${'1,'.repeat(70)}1`]) expect(() => portsOf(new Query(bad))).toThrow(expect.objectContaining({ reason: 'BadRequest' }));
  });

  it('parts of logs', () => {
    const none = { follow: false, previous: false, timestamps: false };
    expect(logQueryOf(new Query(''), NOW)).toEqual(none);
    expect(logQueryOf(new Query('follow=true&previous&timestamps=1&tailLines=0&limitBytes=7&insecureSkipTLSVerifyBackend=true'), NOW)).toEqual({ follow: true, previous: true, timestamps: true, tailLines: 0, limitBytes: 7 });
    expect(logQueryOf(new Query('sinceSeconds=10'), NOW)).toEqual({ ...none, sinceTime: NOW - 10_000 });
    expect(logQueryOf(new Query('sinceTime=1970-01-01T00:00:01.5Z&stream=Stderr'), NOW)).toEqual({ ...none, sinceTime: 1_500, stream: 'stderr' });
    expect(logQueryOf(new Query('stream=All&tailLines=1'), NOW)).toEqual({ ...none, tailLines: 1 });
  });

  it.each([
    ['tailLines=-1', 'PodLogOptions "" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0'],
    ['limitBytes=0', 'PodLogOptions "" is invalid: limitBytes: Invalid value: 0: must be greater than 0'],
    ['sinceSeconds=0', 'PodLogOptions "" is invalid: sinceSeconds: Invalid value: 0: must be greater than 0'],
    ['sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z', 'at most one of `sinceTime` or `sinceSeconds` may be specified'],
    ['stream=Both', 'stream: Unsupported value: "Both": supported values: "All", "Stdout", "Stderr"'],
    ['stream=Stdout&tailLines=1', '`tailLines` and specific `stream` are mutually exclusive for now'],
    ['tailLines=many', 'tailLines: Invalid value: "many"'],
    ['sinceTime=yesterday', 'sinceTime: Invalid value: "yesterday"'],
  ])('%s makes no sense', (query, message) => {
    expect(() => logQueryOf(new Query(query), NOW)).toThrow(message);
  });
});

describe('what a client says on channels', () => {
  it.each([
    ['input', [0, 65], { type: 'stdin', payload: Buffer.from('A') }],
    ['no input', [0], { type: 'nothing' }],
    ['the end of input', [255, 0], { type: 'stdinEnd' }],
    ['the end of output', [255, 1], { type: 'nothing' }],
    ['output', [1, 65], { type: 'nothing' }],
    ['nothing at all', [], { type: 'nothing' }],
    ['a size', [4, ...Buffer.from('{"Width":120,"Height":40}\n')], { type: 'resize', columns: 120, rows: 40 }],
    ['a size of nothing', [4, ...Buffer.from('{"Width":0,"Height":0}')], { type: 'nothing' }],
    ['half a size', [4, ...Buffer.from('{"Width":7}')], { type: 'nothing' }],
    ['no size', [4, ...Buffer.from('{"__proto__":{}}')], { type: 'nothing' }],
    ['too long a size', [4, ...Buffer.from(`{"Width":1,"Height":1${' '.repeat(300)}}`)], { type: 'nothing' }],
  ])('%s', (_what, bytes, expected) => {
    expect(clientMessage(Buffer.from(bytes), true)).toEqual(expected);
  });

  it('channels are closed in v5 only', () => {
    expect(clientMessage(Buffer.from([255, 0]), false)).toEqual({ type: 'nothing' });
  });
});
