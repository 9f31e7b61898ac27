import { createHash, timingSafeEqual } from 'node:crypto';
import { type Authenticator, type Client, type Clock, Secret } from '@orrery/core';
import { BOOTSTRAPPERS } from '../signing/signers.js';

const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
const NAMESPACE = 'kube-system';
const TYPE = 'bootstrap.kubernetes.io/token';

/**
 * Knows who shows a bootstrap token, `abcdef.0123456789abcdef`: one is a Secret of the type `bootstrap.kubernetes.io/token` in `kube-system`, which says what it is good for and how long. Whoever has it is
 * `system:bootstrap:<id>` in the group `system:bootstrappers`. The Secret is read each time: a token ends with it.
 */
export function bootstrapTokenAuthenticator(sources: () => { readonly client: Client; readonly clock: Clock }): Authenticator {
  return {
    name: 'bootstrap-tokens',
    authenticate: async ({ token, audiences }) => {
      const [, id, secret] = TOKEN.exec(token ?? '') ?? [];
      // They are for the API server, and have no audiences.
      if (id === undefined || secret === undefined || audiences !== undefined) return undefined;
      const { client, clock } = sources();
      const kept = await client.kind(Secret).find({ namespace: NAMESPACE, name: `bootstrap-token-${id}` });
      const groups = kept === undefined ? undefined : groupsOf(kept, id, secret, clock.now());
      return groups && { name: `system:bootstrap:${id}`, groups };
    },
  };
}

/** The groups that a token stands for; undefined: it is not this one, or not good (any more). */
function groupsOf({ metadata, type, data = {} }: Secret, id: string, secret: string, now: number): readonly string[] | undefined {
  const value = (key: string): string => (Object.hasOwn(data, key) ? Buffer.from(data[key] ?? '', 'base64').toString('utf8') : '');
  if (type !== TYPE || metadata.deletionTimestamp !== undefined || value('token-id') !== id || !isSame(value('token-secret'), secret)) return undefined;
  const expiration = value('expiration');
  // What cannot be read has expired.
  if (expiration !== '' && !(Date.parse(expiration) > now)) return undefined;
  if (value('usage-bootstrap-authentication') !== 'true') return undefined;
  const extra = value('auth-extra-groups').split(',').filter((group) => group !== '');
  return extra.every((group) => EXTRA_GROUP.test(group)) ? [...new Set([BOOTSTRAPPERS, ...extra])] : undefined;
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest();
const isSame = (one: string, other: string): boolean => timingSafeEqual(hashOf(one), hashOf(other));
