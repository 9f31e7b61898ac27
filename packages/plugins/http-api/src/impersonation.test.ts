import { afterEach, describe, expect, it } from 'vitest';
import type { Attributes, Logger } from '@orrery/core';
import { TestServer, TOKEN } from './test/server.js';

// Acting in the name of somebody else.

const MAPS = '/api/v1/namespaces/default/configmaps';
let server: TestServer;
afterEach(() => server?.stop());

/** A server that notes what is asked; `may` decides about impersonation. */
async function start(may: (attributes: Attributes) => boolean = () => true): Promise<{ asked: Attributes[]; logged: unknown[] }> {
  const [asked, logged]: [Attributes[], unknown[]] = [[], []];
  const authorizer = { authorize: (attributes: Attributes) => (asked.push(attributes), { allowed: attributes.verb !== 'impersonate' || may(attributes) }) };
  const quiet = (): void => {};
  const log: Logger = { debug: quiet, warn: quiet, error: quiet, info: (message, fields) => void logged.push({ message, ...fields }), child: () => log };
  server = await TestServer.start({ authorizer, log });
  return { asked, logged };
}

/** One request with raw headers, so that one may come twice. */
function as(...headers: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = server.open({ path: MAPS });
    request.setHeader('authorization', `Bearer ${TOKEN}`);
    const values = new Map<string, string[]>();
    for (let i = 0; i < headers.length; i += 2) values.set(headers[i] as string, [...(values.get(headers[i] as string) ?? []), headers[i + 1] as string]);
    for (const [name, all] of values) request.setHeader(name, all);
    request.on('response', (response) => (response.resume(), resolve(response.statusCode ?? 0))).on('error', reject).end();
  });
}

describe('acting in the name of somebody else', () => {
  it('is asked about for each thing that is named, and then goes under that name', async () => {
    const { asked, logged } = await start();
    expect(await as('Impersonate-User', 'ben', 'Impersonate-Group', 'a,b', 'Impersonate-Group', 'c', 'Impersonate-Uid', '7', 'Impersonate-Extra-Example.com%2Fscope', 'x')).toBe(200);
    const last = asked.pop();
    expect(last).toMatchObject({ verb: 'list', user: { name: 'ben', uid: '7', groups: ['a,b', 'c', 'system:authenticated'], extra: { 'example.com/scope': ['x'] } } });
    expect(asked.map(({ user, verb, ref }) => [user.name, verb, ref?.group, ref?.resource, ref?.subresource, ref?.name])).toEqual([
      ['anna', 'impersonate', '', 'users', undefined, 'ben'],
      ['anna', 'impersonate', 'authentication.k8s.io', 'uids', undefined, '7'],
      ['anna', 'impersonate', '', 'groups', undefined, 'a,b'],
      ['anna', 'impersonate', '', 'groups', undefined, 'c'],
      ['anna', 'impersonate', 'authentication.k8s.io', 'userextras', 'example.com/scope', 'x'],
    ]);
    expect(logged).toContainEqual(expect.objectContaining({ user: 'ben', impersonator: 'anna' }));
  });

  it('gives service accounts their groups, and nobody the wrong ones', async () => {
    const { asked } = await start();
    await as('Impersonate-User', 'system:serviceaccount:team:robot');
    expect(asked[0]?.ref).toMatchObject({ resource: 'serviceaccounts', namespace: 'team', name: 'robot' });
    expect(asked[1]?.user.groups).toEqual(['system:serviceaccounts', 'system:serviceaccounts:team', 'system:authenticated']);
    await as('Impersonate-User', 'system:anonymous');
    expect(asked.at(-1)?.user).toEqual({ name: 'system:anonymous', groups: ['system:unauthenticated'] });
    await as('Impersonate-User', 'system:serviceaccount:team', 'Impersonate-Group', 'g');
    expect(asked.at(-3)?.ref).toEqual({ group: '', version: 'v1', resource: 'users', name: 'system:serviceaccount:team' });
  });

  it('is refused as a whole when one part of it is', async () => {
    await start(({ ref }) => ref?.resource !== 'groups' || ref.name !== 'system:masters');
    expect(await as('Impersonate-User', 'ben', 'Impersonate-Group', 'team')).toBe(200);
    expect(await as('Impersonate-User', 'ben', 'Impersonate-Group', 'team', 'Impersonate-Group', 'system:masters')).toBe(403);
    const { body } = await server.ask('GET', '/version', { headers: { 'impersonate-user': 'ben', 'impersonate-group': 'system:masters' } });
    expect(body.message).toBe('groups "system:masters" is forbidden: User "anna" cannot impersonate resource "groups" in API group "" at the cluster scope');
  });

  it('needs one user, and headers that mean something', async () => {
    await start();
    expect(await as('Impersonate-Group', 'team')).toBe(400);
    expect(await as('Impersonate-User', '')).toBe(400);
    expect(await as('Impersonate-User', 'a', 'Impersonate-User', 'b')).toBe(400);
    expect(await as('Impersonate-User', 'a', 'Impersonate-Role', 'b')).toBe(400);
    expect(await as('Impersonate-User', 'a', 'Impersonate-Extra-__proto__', 'b')).toBe(400);
    expect(await as('Impersonate-User', 'a', 'Impersonate-Extra-%ff', 'b')).toBe(400);
    expect(await as('Impersonate-User', 'a', 'Impersonate-Extra-', 'b')).toBe(400);
  });
});
