import { list } from '../kernel/tokens.js';

/** A page that the front door serves besides objects and what describes them, to who may `get` its path. */
export interface ApiDocument {
  /** e.g. `/openid/v1/jwks`; none that Kubernetes gives to objects, discovery or health. */
  readonly path: string;
  /** The media type, e.g. `application/json`. */
  readonly type: string;
  /** Its text now. */
  text(): string | Promise<string>;
}

/** The pages that plugins add to the front door. */
export const ApiDocuments = list<ApiDocument>('ApiDocument');
