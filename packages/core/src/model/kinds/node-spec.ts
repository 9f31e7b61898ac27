import type { z } from 'zod';
import { described, flag, list, pointer, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';

// The desired state of a node.

const taintSchema = struct({
  key: text.default(''),
  value: text.optional(),
  effect: text.default(''),
  timeAdded: timestamp.optional(),
});
/** Repels pods that do not tolerate it. */
export interface Taint extends z.infer<typeof taintSchema> {}
/** Schema of {@link Taint}. */
export const taint: Schema<Taint> = described(taintSchema, 'Repels pods that do not tolerate it.');

const configMapNodeConfigSourceSchema = struct({
  namespace: text.default(''),
  name: text.default(''),
  uid: text.optional(),
  resourceVersion: text.optional(),
  kubeletConfigKey: text.default(''),
});
/** Deprecated by Kubernetes; carried through. */
export interface ConfigMapNodeConfigSource extends z.infer<typeof configMapNodeConfigSourceSchema> {}
/** Schema of {@link ConfigMapNodeConfigSource}. */
export const configMapNodeConfigSource: Schema<ConfigMapNodeConfigSource> = described(configMapNodeConfigSourceSchema, 'Deprecated by Kubernetes; carried through.');

const nodeConfigSourceSchema = struct({
  configMap: pointer(configMapNodeConfigSource),
});
/** Deprecated by Kubernetes; carried through. */
export interface NodeConfigSource extends z.infer<typeof nodeConfigSourceSchema> {}
/** Schema of {@link NodeConfigSource}. */
export const nodeConfigSource: Schema<NodeConfigSource> = described(nodeConfigSourceSchema, 'Deprecated by Kubernetes; carried through.');

const nodeSpecSchema = struct({
  podCIDR: text.optional(),
  externalID: text.optional(),
  providerID: text.optional(),
  unschedulable: flag.optional(),
  taints: list(taint).optional(),
  configSource: pointer(nodeConfigSource),
  podCIDRs: list(text, { strategy: 'merge', listType: 'set' }).optional(),
});
/** The desired state of a node. */
export interface NodeSpec extends z.infer<typeof nodeSpecSchema> {}
/** Schema of {@link NodeSpec}. */
export const nodeSpec: Schema<NodeSpec> = described(nodeSpecSchema, 'The desired state of a node.');
