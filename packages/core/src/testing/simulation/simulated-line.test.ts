import { describe, expect, it } from 'vitest';
import type { Transport, WatchEvent, WatchRequest } from '../../contracts/transport.js';
import type { KubeObject } from '../../model/object.js';
import { VirtualClock } from '../virtual-clock.js';
import { SimulatedLine } from './simulated-line.js';

const OBJECT: KubeObject = { apiVersion: 'v1', kind: 'Thing', metadata: { name: 'it' } };
const USER = { name: 'test', groups: [] };
const REF = { group: '', version: 'v1', resource: 'things' };

/** Answers everything at once; its watches bring one event and then stay open until they are told to end. */
class Answering implements Transport {
  requests = 0;

  async request(): Promise<KubeObject> {
    this.requests += 1;
    return OBJECT;
  }

  async *watch(_request: WatchRequest, signal: AbortSignal): AsyncGenerator<readonly WatchEvent[]> {
    yield [{ type: 'ADDED', object: OBJECT }];
    await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  }
}

function setUp() {
  const clock = new VirtualClock();
  const server = new Answering();
  const line = new SimulatedLine(server, clock);
  const get = () => line.request({ verb: 'get', ref: { ...REF, name: 'it' }, user: USER });
  const watch = async (signal: AbortSignal): Promise<number> => {
    let chunks = 0;
    for await (const events of line.watch({ ref: REF, user: USER }, signal)) chunks += events.length;
    return chunks;
  };
  return { clock, server, line, get, watch };
}

describe('SimulatedLine', () => {
  it('loses requests on the way there, and answers on the way back', async () => {
    const { clock, server, line, get } = setUp();
    for (const [partition, arrived] of [['toServer', 0], ['fromServer', 1]] as const) {
      line.partition = partition;
      server.requests = 0;
      const failed = expect(get()).rejects.toThrow(/simulated/);
      await clock.advance(5_000);
      await failed;
      expect(server.requests).toBe(arrived);
    }
  });

  it('ends a watch when its signal aborts', async () => {
    const { clock, line, watch } = setUp();
    const abort = new AbortController();
    const watched = watch(abort.signal);
    await clock.settle();
    expect(line.watches).toBe(1);
    abort.abort();
    expect(await watched).toBe(1);
    expect(line.watches).toBe(0);
  });

  it('opens no watch for a signal that has aborted already', async () => {
    const { line, watch } = setUp();
    expect(await watch(AbortSignal.abort())).toBe(0);
    expect(line.watches).toBe(0);
  });

  it('tells nobody anything once its process is dead', async () => {
    const { clock, server, line, get, watch } = setUp();
    const watched = expect(watch(new AbortController().signal)).rejects.toThrow(/dead/);
    await clock.settle();
    line.kill();
    await watched;
    await expect(get()).rejects.toThrow(/dead/);
    expect(server.requests).toBe(0);
  });
});
