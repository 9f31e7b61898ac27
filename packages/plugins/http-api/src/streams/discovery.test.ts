import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from '../test/server.js';

const folder = join(process.env['ORRERY_API'] ?? '../shared/api', 'discovery');
const isHere = existsSync(folder);
if (!isHere && process.env['ORRERY_REQUIRE'] === 'all') throw new Error(`There are no recordings at ${folder}.`);
if (!isHere) console.warn(`skipped: there are no recordings at ${folder}`);

interface Resource {
  readonly name?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly subresources?: readonly Resource[];
}
const NAMES = ['attach', 'exec', 'log', 'portforward'];

/** Every object in a document, at whatever depth. */
function* objectsIn(value: unknown): Generator<Resource, void, undefined> {
  if (typeof value !== 'object' || value === null) return;
  yield value as Resource;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}
const recorded = (file: string): unknown => JSON.parse(readFileSync(join(folder, file), 'utf8'));
const legacyStreams = (document: unknown): Resource[] => [...objectsIn(document)].filter(({ name }) => NAMES.some((stream) => name === `pods/${stream}`));
const streams = (document: unknown): readonly Resource[] => {
  const pods = [...objectsIn(document)].find(({ resource, subresources }) => resource === 'pods' && subresources !== undefined);
  return (pods?.subresources ?? []).filter(({ subresource = '' }) => NAMES.includes(subresource));
};

describe.skipIf(!isHere)('streams are discovered as in Kubernetes', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await TestServer.start();
  });
  afterAll(() => server.stop());

  it('by old clients', async () => {
    const expected = legacyStreams(recorded('legacy.json'));
    expect(expected).toHaveLength(4);
    expect(legacyStreams((await server.ask('GET', '/api/v1')).body)).toEqual(expected);
  });

  it('in one document', async () => {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const expected = streams(recorded('aggregated-api.json'));
    expect(expected).toHaveLength(4);
    // That one's type depends on how its client asks, so it is compared as JSON.
    expect(streams(JSON.parse((await server.ask('GET', '/api', { headers: { accept } })).text))).toEqual(expected);
  });
});
