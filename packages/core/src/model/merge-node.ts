import type { MergeInfo } from './schema/fields.js';

/**
 * A place in the schema of a kind, seen by someone who merges: what is here, how it merges, and what is below.
 * Nodes are made once per schema and remembered, so walking costs a map look-up a step.
 */
export interface MergeNode {
  /** `value` is anything that is replaced as a whole. */
  readonly type: 'object' | 'map' | 'list' | 'value';
  /** Facts of the field that leads here; empty means a struct is merged, and a list replaced. */
  readonly merge: MergeInfo;
  /** Of an object: the fields that Kubernetes always writes, if only as `{}`. */
  readonly always: readonly string[];
  /** The node of a field of an object, of a value of a map (any name), or of an item of a list; undefined where nothing is known. */
  child(key: string): MergeNode | undefined;
}
