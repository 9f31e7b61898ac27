import { userOfServiceAccount, type UserInfo } from '@orrery/core';
import { z } from 'zod';

/** An object as a token names it: by its name and the uid it had. */
export interface Named {
  readonly name: string;
  readonly uid: string;
}

/** The service account of a token, and what the token ends with. */
export interface Binding {
  readonly namespace: string;
  readonly account: Named;
  readonly pod?: Named;
  readonly secret?: Named;
  /** Of a token that is bound to it, or where the pod of the token runs. A node that is not there has no uid. */
  readonly node?: { readonly name: string; readonly uid?: string };
}

/** What a token says. Times are seconds since the epoch. */
export interface TokenClaims extends Binding {
  readonly audiences: readonly string[];
  readonly id: string;
  readonly issuedAt: number;
  readonly expires: number;
  /** From when on a newer one should have been used. */
  readonly warnAfter?: number;
}

const word = z.string().min(1).max(1_024);
const named = z.object({ name: word, uid: word });
const payload = z.object({
  sub: word,
  aud: z.union([word.transform((one) => [one]), z.array(word).min(1).max(1_000)]),
  jti: word,
  iat: z.number(),
  exp: z.number(),
  'kubernetes.io': z.object({
    namespace: word,
    serviceaccount: named,
    pod: named.optional(),
    secret: named.optional(),
    node: z.object({ name: word, uid: word.optional() }).optional(),
    warnafter: z.number().optional(),
  }),
});

/** The payload of a token, in kube-apiserver's words (pkg/serviceaccount/claims.go). */
export function payloadOf(issuer: string, { audiences, id, issuedAt, expires, namespace, account, pod, secret, node, warnAfter }: TokenClaims): Record<string, unknown> {
  return {
    aud: audiences,
    exp: expires,
    iat: issuedAt,
    iss: issuer,
    jti: id,
    'kubernetes.io': { namespace, ...(node && { node }), ...(pod && { pod }), ...(secret && { secret }), serviceaccount: account, ...(warnAfter !== undefined && { warnafter: warnAfter }) },
    nbf: issuedAt,
    sub: subjectOf(namespace, account.name),
  };
}

/** What the payload of a checked token says; undefined: it is not one of a service account, or contradicts itself. */
export function claimsOf(value: unknown): TokenClaims | undefined {
  const parsed = payload.safeParse(value);
  if (!parsed.success) return undefined;
  const { sub, aud, jti, iat, exp, 'kubernetes.io': own } = parsed.data;
  const { namespace, serviceaccount, pod, secret, node, warnafter } = own;
  if (sub !== subjectOf(namespace, serviceaccount.name)) return undefined;
  const place = node && { name: node.name, ...(node.uid !== undefined && { uid: node.uid }) };
  return {
    namespace, account: serviceaccount, ...(pod && { pod }), ...(secret && { secret }), ...(place && { node: place }),
    audiences: aud, id: jti, issuedAt: iat, expires: exp, ...(warnafter !== undefined && { warnAfter: warnafter }),
  };
}

const subjectOf = (namespace: string, name: string): string => userOfServiceAccount(namespace, name).name;

const EXTRA = 'authentication.kubernetes.io/';

/** Whom a token stands for, with what it is bound to in `extra` (serviceaccount.ServiceAccountInfo). */
export function userOf({ namespace, account, pod, node, id }: TokenClaims): UserInfo {
  const extra: Record<string, readonly string[]> = {
    [`${EXTRA}credential-id`]: [`JTI=${id}`],
    ...(node && { [`${EXTRA}node-name`]: [node.name] }),
    ...(node?.uid !== undefined && { [`${EXTRA}node-uid`]: [node.uid] }),
    ...(pod && { [`${EXTRA}pod-name`]: [pod.name], [`${EXTRA}pod-uid`]: [pod.uid] }),
  };
  return { ...userOfServiceAccount(namespace, account.name), uid: account.uid, extra };
}
