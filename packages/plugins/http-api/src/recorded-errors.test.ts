import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestServer } from './test/server.js';

// Refusals as a real kube-apiserver words them, one request after the other on one server.

const file = join(process.env['ORRERY_API'] ?? '../shared/api', 'errors.json');
const present = existsSync(file);
if (!present && process.env['ORRERY_REQUIRE'] === 'all') throw new Error(`There are no recordings at ${file}.`);

interface Recorded {
  readonly request: { readonly method: string; readonly path: string; readonly headers?: Record<string, string>; readonly body?: unknown };
  readonly code: number;
  readonly response: unknown;
}

const recorded = present ? Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, Recorded>) : [];

/** Needs what this server does not have: the kubernetes Service, roles, quotas, a pod. Their words are in the tests of those parts. */
const ELSEWHERE: ReadonlySet<string> = new Set(['immutable', 'forbidden', 'quota-exceeded', 'eviction-ok']);
/** Same code and reason, other words: ours say where and what, or do not quote what was sent, or name what we can write. */
const OWN_WORDS: ReadonlySet<string> = new Set(['badjson', 'wrongtype', 'bad-quantity', 'invalid-pod', 'not-acceptable', 'patch-content-type', 'json-patch-test', 'json-patch-missing', 'bad-continue', 'bad-labelselector', 'rv-too-large', 'finalizer-add-while-deleting']);
/** A malformed version is the client's fault, not the server's; and who asks for a group that there is not gets a Status, too. */
const OWN_ANSWER: Readonly<Record<string, number>> = { 'rv-gone-watch': 400, 'no-such-group': 404 };

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
  const made = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'dflt' } };
  await server.ask('POST', '/api/v1/namespaces', { body: made });
  await server.ask('POST', '/api/v1/namespaces/dflt/configmaps', { body: { metadata: { name: 'e1' } } });
});
afterAll(() => server.stop());

const anonymous = (text: string): string => text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UID');
/** Of a Status all but the time; of an object its kind. Empty details are none. */
function essence(code: number, body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return { code, text: body };
  const { kind, status, message, reason, details } = body as Record<string, unknown>;
  if (kind !== 'Status') return { code, kind };
  const more = details !== undefined && Object.keys(details as object).length > 0 ? { details } : {};
  return JSON.parse(anonymous(JSON.stringify({ code, kind, status, ...(message !== undefined && { message }), ...(reason !== undefined && { reason }), ...more })));
}

describe.skipIf(!present)(`refusals${present ? '' : ` (skipped: none at ${file})`}`, () => {
  it.each(recorded.filter(([name]) => !ELSEWHERE.has(name)))('%s', async (name, { request, code, response }) => {
    const got = await server.ask(request.method, request.path, { ...(request.body !== undefined && { body: request.body as object }), headers: request.headers ?? {} });
    const answer = essence(got.code, got.body ?? got.text);
    const wanted = essence(code, response);
    if (OWN_ANSWER[name] !== undefined) expect(got.code).toBe(OWN_ANSWER[name]);
    else if (OWN_WORDS.has(name)) expect(answer).toMatchObject({ code, reason: (wanted as { reason?: string }).reason });
    else expect(answer).toEqual(wanted);
  });
});
