import type { RuntimeEvent } from '@orrery/core';
import { afterEach, describe, expect, it } from 'vitest';
import { Engine } from '../engine/engine.js';
import { encodeLabels } from '../identity/labels.js';
import { Inventory } from '../inventory/inventory.js';
import { fakeEngine, json } from '../test/fake-engine.js';
import type { FakeEngine } from '../test/fake-engine.js';
import { EventFeed } from './events.js';

const ID = 'e'.repeat(64);
const pod = { namespace: 'a', name: 'b', uid: 'c' };
const labels = encodeLabels('me', { kind: 'container', pod, attempt: 0, name: 'main', sandboxId: 's', image: 'i', labels: {}, annotations: {} });
const event = (Action: string, timeNano: number, attributes: object = labels): string => `${JSON.stringify({ Type: 'container', Action, Actor: { ID, Attributes: attributes }, timeNano })}\n`;
let server: FakeEngine | undefined;
let engine: Engine | undefined;

afterEach(async () => {
  engine?.close();
  await server?.close();
});

describe('events', () => {
  it('come from one stream for all, which resumes where it broke and tells the gap; an end is told when an inspection shows it', async () => {
    let streams = 0;
    const inspected: string[] = [];
    server = await fakeEngine(({ line }, response) => {
      if (line.includes(`/containers/${ID}/json`)) {
        inspected.push(line);
        json(response, 404, { message: 'gone' });
        return;
      }
      streams += 1;
      response.writeHead(200);
      // Cut in the middle, somebody else's, and one of another kind: only ours come out.
      if (streams === 1) {
        const text = event('start', 1_700_000_000_123_456_789) + event('start', 1_700_000_000_200_000_000, { name: 'not ours' }) + event('pause', 1_700_000_000_300_000_000);
        response.write(text.slice(0, 50), () => response.end(text.slice(50)));
      } else if (streams === 2) {
        response.write(event('die', 1_700_000_001_000_000_000));
      }
    });
    engine = new Engine({ socketPath: server.socketPath });
    const feed = new EventFeed(engine, new Inventory(engine, 'me'), 'me');
    const abort = new AbortController();
    const listen = async (): Promise<RuntimeEvent[]> => {
      const heard: RuntimeEvent[] = [];
      for await (const each of feed.subscribe(abort.signal)) {
        heard.push(each);
        if (each.type === 'containerExited') break;
      }
      return heard;
    };
    const [one, two] = await Promise.all([listen(), listen()]);
    const ours = { pod, containerId: ID };
    expect(one).toEqual([{ type: 'containerStarted', ...ours }, { type: 'resync' }, { type: 'containerExited', ...ours }]);
    expect(two).toEqual(one);
    expect(inspected).toHaveLength(1);
    const since = server.requests.filter(({ line }) => line.includes('/events')).map(({ line }) => new URL(line.slice('GET '.length), 'http://engine').searchParams.get('since'));
    expect(since).toHaveLength(2);
    expect(since[1]).toMatch(/^1700000000\.30000\d000$|^1700000000\.299999000$/);
  });
});
