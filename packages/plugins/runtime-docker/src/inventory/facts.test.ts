import { describe, expect, it } from 'vitest';
import type { ContainerIdentity, SandboxIdentity } from '../identity/labels.js';
import { planOrphans } from '../lifecycle/orphans.js';
import type { Facts } from './facts.js';
import { containerStatus, factsOf, sandboxStatus } from './facts.js';

const kept = { pod: { namespace: 'a', name: 'b', uid: 'c' }, attempt: 0, labels: {}, annotations: {} };
const container: ContainerIdentity = { kind: 'container', ...kept, name: 'main', sandboxId: 's', image: 'i' };
const sandbox: SandboxIdentity = { kind: 'sandbox', ...kept, sharing: { network: 'pod', pid: 'container', ipc: 'pod' } };

/** What the engine tells, as far as it differs. */
function facts(state: object, over: object = {}): Facts {
  return factsOf({
    Id: 'x', Created: '2024-01-01T00:00:00.5Z', Image: 'sha256:i', Config: { Tty: false, Labels: {} }, LogPath: '/log',
    State: { Status: 'running', Paused: false, Pid: 7, ExitCode: 0, OOMKilled: false, Error: '', StartedAt: '2024-01-01T00:00:01.25Z', FinishedAt: '0001-01-01T00:00:00Z', ...state },
    NetworkSettings: { Networks: { bridge: { IPAddress: '10.0.0.2', GlobalIPv6Address: 'fd00::2' } } }, ...over,
  } as never);
}
const T = Date.parse('2024-01-01T00:00:00Z');
const ended = { Status: 'exited', Pid: 0, FinishedAt: '2024-01-01T00:00:02Z' };

describe('the state of a container', () => {
  it.each<[string, object, object]>([
    ['created', { Status: 'created', StartedAt: '0001-01-01T00:00:00Z' }, { state: 'created' }],
    ['running', {}, { state: 'running', startedAt: T + 1_250 }],
    ['paused', { Status: 'paused', Paused: true }, { state: 'running' }],
    ['ended well', ended, { state: 'exited', exitCode: 0, reason: 'Completed', startedAt: T + 1_250, finishedAt: T + 2_000 }],
    ['ended badly', { ...ended, ExitCode: 3 }, { state: 'exited', exitCode: 3, reason: 'Error' }],
    ['killed', { ...ended, ExitCode: 137 }, { state: 'exited', exitCode: 137, signal: 9, reason: 'Error' }],
    ['out of memory', { ...ended, ExitCode: 137, OOMKilled: true }, { state: 'exited', exitCode: 137, signal: 9, reason: 'OOMKilled' }],
    ['one of its children out of memory, and well itself', { ...ended, OOMKilled: true }, { state: 'exited', exitCode: 0, reason: 'Completed' }],
    ['not to be started', { Status: 'created', StartedAt: '0001-01-01T00:00:00Z', ExitCode: 127, Error: 'no such file' }, { state: 'exited', exitCode: 128, reason: 'StartError', message: 'no such file', startedAt: T + 500, finishedAt: T + 500 }],
    ['half removed', { ...ended, Status: 'dead', ExitCode: 1 }, { state: 'exited', exitCode: 1 }],
    ['unheard of', { Status: 'levitating' }, { state: 'unknown' }],
  ])('%s', (_, state, expected) => {
    const status = containerStatus('x', container, facts(state));
    expect(status).toMatchObject(expected);
    expect('signal' in status).toBe('signal' in expected);
    if (status.state !== 'exited') expect([status.exitCode, status.finishedAt, status.reason]).toEqual([undefined, undefined, undefined]);
  });
});

describe('the state of a sandbox', () => {
  it('is ready only while it runs, and only then has addresses of its own', () => {
    expect(sandboxStatus('x', sandbox, facts({}))).toMatchObject({ state: 'ready', ips: ['10.0.0.2', 'fd00::2'] });
    for (const state of [ended, { Status: 'created' }, { Status: 'paused', Paused: true }]) expect(sandboxStatus('x', sandbox, facts(state))).toMatchObject({ state: 'notReady', ips: [] });
    expect(sandboxStatus('x', { ...sandbox, sharing: { ...sandbox.sharing, network: 'host' } }, facts({}))).toMatchObject({ state: 'ready', ips: [] });
  });
});

describe('orphans', () => {
  const item = <I>(id: string, identity: I, state: object) => ({ id, identity, facts: facts(state) });
  const late = T + 500 + 60_000;

  it('are containers without a sandbox, and sandboxes that never ran and hold nothing', () => {
    const sandboxes = [item('s', sandbox, {}), item('half', sandbox, { Status: 'created' }), item('used', sandbox, { Status: 'created' }), item('over', sandbox, ended)];
    const containers = [item('fine', container, {}), item('lost', { ...container, sandboxId: 'gone' }, {}), item('in', { ...container, sandboxId: 'used' }, ended)];
    expect(planOrphans(sandboxes, containers, late)).toEqual(['lost', 'half']);
    expect(planOrphans(sandboxes, containers, late - 1)).toEqual([]);
  });
});
