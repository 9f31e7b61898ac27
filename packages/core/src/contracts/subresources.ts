import { list } from '../kernel/tokens.js';
import type { FieldError } from '../model/field-error.js';
import type { KindDefinition } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import type { ResourceRef, UserInfo } from './transport.js';

/** Something that is asked of an object by a `create` on one of its subresources. */
export interface SubresourceRequest<T extends KubeObject = KubeObject> {
  /** The path, with the name of the object. */
  readonly ref: ResourceRef;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** The object whose subresource it is, as it is stored. Frozen. */
  readonly parent: KubeObject;
  /** What was sent, decoded. A private draft. */
  readonly object: T;
}

/**
 * A subresource that is only created and never stored: a question to an object, answered at once, as `serviceaccounts/token` is. The server decodes the body, finds the object (NotFound when there is
 * none), and then takes the steps in this order: `prepare`, mutating admission, `validate`, validating admission, `create`. Admission steps see it with `ref.subresource`. What is refused is an `ApiError`.
 */
export interface Subresource<T extends KubeObject = KubeObject> {
  /** Group and plural of the kind whose objects have it. */
  readonly group: string;
  readonly resource: string;
  /** Its word in the path, e.g. `token`. */
  readonly name: string;
  /** What is sent and answered; served under this name in discovery and OpenAPI. */
  readonly kind: KindDefinition<T>;
  /** Fills in what was left out. May change `object`; may refuse. */
  prepare?(request: SubresourceRequest<T>): void;
  /** What is wrong with what was sent. */
  validate?(object: T): FieldError[];
  /** The answer, in which nothing is secret from who asks. Never logged by the server. */
  create(request: SubresourceRequest<T>): T | Promise<T>;
}

/** The subresources that plugins add. */
export const Subresources = list<Subresource>('Subresource');
