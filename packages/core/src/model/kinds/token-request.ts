import type { z } from 'zod';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { described, int64, list, pointer, requiredStruct, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';

const boundObjectReferenceSchema = struct({ kind: text.optional(), apiVersion: text.optional(), name: text.optional(), uid: text.optional() });
/** The object with which a token ends. */
export interface BoundObjectReference extends z.infer<typeof boundObjectReferenceSchema> {}
/** Schema of {@link BoundObjectReference}. */
export const boundObjectReference: Schema<BoundObjectReference> = described(boundObjectReferenceSchema, 'The object with which a token ends.');

const tokenRequestSpecSchema = struct({
  audiences: list(text).default([]),
  expirationSeconds: pointer(int64),
  boundObjectRef: pointer(boundObjectReference),
});
/** What a token is to be. */
export interface TokenRequestSpec extends z.infer<typeof tokenRequestSpecSchema> {}
/** Schema of {@link TokenRequestSpec}. */
export const tokenRequestSpec: Schema<TokenRequestSpec> = described(tokenRequestSpecSchema, 'What a token is to be.');

const tokenRequestStatusSchema = struct({ token: text.default(''), expirationTimestamp: text.default('') });
/** The token. A secret: not for logs, nor for messages. */
export interface TokenRequestStatus extends z.infer<typeof tokenRequestStatusSchema> {}
/** Schema of {@link TokenRequestStatus}. */
export const tokenRequestStatus: Schema<TokenRequestStatus> = described(tokenRequestStatusSchema, 'The token. A secret: not for logs, nor for messages.');

/** A question for a token of a service account (authentication.k8s.io/v1), answered by the subresource `serviceaccounts/token` and never stored. */
export interface TokenRequest extends KubeObject {
  spec: TokenRequestSpec;
  status?: TokenRequestStatus | undefined;
}
/** The kind {@link TokenRequest}. */
export const TokenRequest: KindDefinition<TokenRequest> = buildKind<TokenRequest>({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  description: 'A question for a token of a service account, answered by the subresource serviceaccounts/token and never stored.',
  spec: requiredStruct(tokenRequestSpec),
  status: tokenRequestStatus,
});
