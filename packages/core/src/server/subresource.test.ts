import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AdmissionRequest } from '../contracts/admission.js';
import type { Subresource } from '../contracts/subresources.js';
import { silentLogger } from '../kernel/logger.js';
import { systemClock, systemRandom } from '../kernel/platform.js';
import { ApiError } from '../model/api-error.js';
import { builtinKinds } from '../model/builtin-kinds.js';
import { fieldError } from '../model/field-error.js';
import { TokenRequest } from '../model/kinds/token-request.js';
import { KindRegistry } from '../model/registry.js';
import { MemoryStore } from '@orrery/store-memory';
import { ApiServer } from './server.js';

const user = { name: 'anna', groups: ['team'] };
const steps: string[] = [];
const seen: AdmissionRequest[] = [];
const part: Subresource<TokenRequest> = {
  group: '', resource: 'serviceaccounts', name: 'token', kind: TokenRequest,
  prepare: ({ object }) => void (steps.push('prepare'), (object.spec.expirationSeconds ??= 700)),
  validate: ({ spec }) => (steps.push('validate'), spec.expirationSeconds === 1 ? [fieldError.invalid('spec.expirationSeconds', 1, 'too short')] : []),
  create: ({ object, parent, dryRun, user: { name } }) => (steps.push('create'), { ...object, status: { token: `${parent.metadata.name} ${name} ${dryRun} ${object.spec.expirationSeconds}`, expirationTimestamp: '' } }),
};
const admission = {
  name: 'test',
  handles: ({ ref }: Pick<AdmissionRequest, 'ref'>) => ref.subresource === 'token',
  mutate: (request: AdmissionRequest) => void (steps.push('mutate'), seen.push(request)),
  validate: ({ object }: AdmissionRequest) => {
    steps.push('admit');
    if ((object as TokenRequest).spec.expirationSeconds === 2) throw new ApiError('Forbidden', 'not so');
  },
};

let server: ApiServer;
let store: MemoryStore;
let ended: Promise<void>;
let stopping: AbortController;
beforeEach(async () => {
  steps.length = 0;
  stopping = new AbortController();
  store = new MemoryStore({ clock: systemClock });
  server = new ApiServer({ store, kinds: new KindRegistry(builtinKinds), clock: systemClock, random: systemRandom, log: silentLogger, admissions: { items: () => [admission] }, subresources: { items: () => [part as unknown as Subresource] } });
  await new Promise<void>((ready) => (ended = server.run(stopping.signal, ready)));
  await server.request({ verb: 'create', user, ref: { group: '', version: 'v1', resource: 'serviceaccounts', namespace: 'default' }, body: { metadata: { name: 'robot' } } });
});
afterEach(async () => {
  stopping.abort();
  await ended;
  await store.close();
});
const ref = { group: '', version: 'v1', resource: 'serviceaccounts', namespace: 'default', name: 'robot', subresource: 'token' };
const ask = (spec: object, more: object = {}) => server.request({ verb: 'create', user, ref, body: { spec }, ...more }) as Promise<TokenRequest>;

describe('a subresource of a plugin', () => {
  it('is answered after all steps, with the object it is asked of, and nothing is stored', async () => {
    const before = (await store.range('/', {})).revision;
    expect((await ask({})).status?.token).toBe('robot anna false 700');
    expect(steps).toEqual(['prepare', 'mutate', 'validate', 'admit', 'create']);
    expect(seen.at(-1)).toMatchObject({ operation: 'CREATE', ref, user, kind: { kind: 'TokenRequest' }, object: { spec: { expirationSeconds: 700 } } });
    expect((await ask({}, { dryRun: true })).status?.token).toContain('true');
    expect((await store.range('/', {})).revision).toBe(before);
  });

  it('is refused by each of them, and where there is no such object', async () => {
    const reason = (asked: Promise<unknown>): Promise<unknown> => asked.then(() => 'none', (error: unknown) => (ApiError.is(error) ? error.reason : error));
    expect(await reason(ask({ expirationSeconds: 1 }))).toBe('Invalid');
    expect(await reason(ask({ expirationSeconds: 2 }))).toBe('Forbidden');
    expect(await reason(ask({ expirationSeconds: 'x' }))).toBe('BadRequest');
    expect(await reason(ask({}, { ref: { ...ref, name: 'nobody' } }))).toBe('NotFound');
    expect(await reason(ask({}, { ref: { ...ref, subresource: 'other' } }))).toBe('NotFound');
    expect(await reason(server.request({ verb: 'get', user, ref }))).toBe('MethodNotAllowed');
    expect(steps).not.toContain('create');
  });
});
