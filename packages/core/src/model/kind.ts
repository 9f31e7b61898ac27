import type { z } from 'zod';
import type { FieldError } from './field-error.js';
import type { MergeNode } from './merge-node.js';
import type { KubeObject } from './object.js';

/** Names a kind: group ('' for the core group), version and kind. */
export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** A column of `kubectl get`. `jsonPath` is a simple path such as `.status.readyReplicas`; `value` computes the cell instead. */
export interface Column<T extends KubeObject = KubeObject> {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description?: string;
  /** 0 is always shown, above only with `-o wide`. */
  readonly priority?: number;
  readonly jsonPath?: string;
  /** `now` in milliseconds since the epoch. */
  value?(object: T, now: number): string | number | boolean;
}

/** Where the scale subresource reads and writes, as simple paths from the object (`.spec.replicas`). */
export interface ScalePaths {
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** Path of a serialised label selector or of a LabelSelector object. */
  readonly labelSelector?: string;
}

/** Reads a field for field selectors. Written as a method, so that a kind's definition is one of any object's too. */
export interface FieldReader<T extends KubeObject> {
  read(object: T): string;
}

/** Who asks for an object. */
export interface Requester {
  readonly name: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** The rules by which the server treats objects of one kind. All functions are pure but for the draft they are given. */
export interface KindRules<T extends KubeObject> {
  /** What an object is in this kind that was stored under another version or an older schema. Called with what the store holds; must not change it, and answers it when nothing is to be done. */
  read?(stored: T): T;
  /** Where somebody else has to be asked what an object is in another version. What it answers then passes `read`. */
  readonly conversion?: KindConversion;
  /** Fills in what was left out (scheme defaulting). Gets a private, mutable draft of a decoded object. Idempotent. */
  applyDefaults?(draft: T): void;
  /** On create, after defaulting: what the server decides (drop what clients may not set, initial status). The draft is mutable. `by` is who asks. */
  prepareForCreate?(draft: T, by?: Requester): void;
  /** On update, after defaulting: carry over what clients may not change. The server itself keeps status, and bumps the generation when anything but metadata and status changed. */
  prepareForUpdate?(draft: T, old: T): void;
  /** On an update through the status subresource: the server has already taken everything but status (and metadata that status writers may change) from `old`. */
  prepareForStatusUpdate?(draft: T, old: T): void;
  /** Metadata that writers of the status may change as well; default none. Does not count as a change of the desired state. */
  readonly statusMetadata?: readonly ('labels' | 'annotations')[];
  /** What is wrong with a new object that keeps the server from looking any further, because what it has to give the object depends on it. Asked before all other checks; when it finds something they are left out. */
  validateFirst?(object: T): FieldError[];
  /** What is wrong with an object. Metadata is checked by the server. */
  validate?(object: T): FieldError[];
  /** What is wrong with a new object besides that. */
  validateCreate?(object: T): FieldError[];
  /** What is wrong with this change, apart from what `validate` says of the new state. */
  validateUpdate?(object: T, old: T): FieldError[];
  /** What is wrong with this change of status. */
  validateStatusUpdate?(object: T, old: T): FieldError[];
  /** How a name must look; default: a DNS-1123 subdomain. Returns what is wrong with it. */
  validateName?(name: string, prefix: boolean): string[];
  /** Seconds between a delete request and the removal by whoever runs the object; undefined: removed at once. `asked` is the request's own wish. */
  deletionGraceSeconds?(object: T, asked: number | undefined): number | undefined;
  /** What becomes of the object's dependents when a delete request does not say and no finalizer does. Default: they are deleted in the background. */
  readonly defaultPropagation?: 'Orphan';
  /** When deletion was asked for and cannot happen at once: what changes besides metadata. The draft's top level is mutable. */
  markDeleted?(draft: T): void;
  /** Whether something besides `metadata.finalizers` still keeps a deleted object. Such kinds have the subresource `finalize`, which alone may change that. */
  isHeld?(object: T): boolean;
  /** Parts of the object that only a subresource of that name changes (by `update` and `patch`, with the whole object as body), besides `status` and `scale`. */
  readonly subresources?: Readonly<Record<string, SubresourceRules<T>>>;
  /** The value of each field that field selectors may name, besides `metadata.name` and `metadata.namespace`. */
  readonly selectableFields?: Readonly<Record<string, FieldReader<T>['read']>>;
  /** Old names of selectable fields, e.g. `spec.host` → `spec.nodeName`. */
  readonly fieldAliases?: Readonly<Record<string, string>>;
}

/** Makes objects of one version those of another by asking somebody, as webhooks of CustomResourceDefinitions do. Must not change what it gets. Throws `ApiError` when it cannot be told. */
export interface KindConversion {
  /** What stored objects are in this kind, in the same order. */
  read(stored: readonly KubeObject[]): Promise<readonly KubeObject[]>;
  /** What is to be stored of an object of this kind. */
  write(object: KubeObject): Promise<KubeObject>;
}

/** How a subresource changes its part of an object. */
export interface SubresourceRules<T extends KubeObject> {
  /** The old object, with the part that may change taken from the draft. Neither is changed. */
  take(draft: T, old: T): T;
  /** What is wrong with this change; asked in place of `validateUpdate`. */
  validateUpdate(object: T, old: T): FieldError[];
}

/** How objects of a kind are read, merged and described that zod schemas cannot describe: kinds whose schema is data. */
export interface KindShape<T extends KubeObject = KubeObject> {
  /** A private, mutable copy of what was sent, as an object of the kind, and the paths of what the kind does not know. Throws BadRequest for what can be none. */
  decode(input: unknown): { readonly object: T; readonly unknown: readonly string[] };
  /** Where server-side apply starts. */
  readonly merge: MergeNode;
  /** Strategic merge patches are refused. */
  readonly strategicPatch?: false;
  /** The schema as clients are told of it, in the dialect of OpenAPI 3.0. */
  readonly jsonSchema: Readonly<Record<string, unknown>>;
}

/** Everything that is to be known about one kind in one version. Made by `defineKind`. */
export interface KindDefinition<T extends KubeObject = KubeObject> extends GroupVersionKind {
  /** `v1` or `group/version`. */
  readonly apiVersion: string;
  readonly plural: string;
  readonly singular: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** The whole object: decodes (types, quantities, unknown keys dropped); its failures are decoding errors. */
  readonly schema: z.ZodType<T>;
  /** What its objects are, for people (`kubectl explain`). */
  readonly description?: string;
  /** What every request for the kind is warned of: that it is deprecated, and what to use instead. */
  readonly deprecation?: string;
  /** Takes the place of `schema` wherever objects are decoded, merged and described. */
  readonly shape?: KindShape<T>;
  /** Whether there is a status subresource: status is then changed only through it. */
  readonly hasStatus: boolean;
  /** Whether `metadata.generation` counts the changes of the desired state. Default: kinds with a status subresource. */
  readonly tracksGeneration: boolean;
  readonly scale?: ScalePaths;
  /** Those of `kubectl get` after the name; the age comes last unless it is among them. */
  readonly columns: readonly Column<T>[];
  /** The columns are all there are: no age is added; `withName`: nor the name before them. */
  readonly onlyColumns?: true | 'withName';
  /** What a row of `kubectl get` says of the object besides its cells. */
  rowConditions?(object: T): readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  readonly rules: KindRules<T>;
}
