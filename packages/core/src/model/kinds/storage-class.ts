import type { z } from 'zod';
import { applyStorageClassDefaults } from '../defaults/storage.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { atomicStruct, described, flag, list, pointer, struct, text, textMap } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { validateStorageClass, validateStorageClassUpdate } from '../validation/storage-classes.js';
import { storageClassColumns } from '../table/storage-columns.js';

const topologySelectorLabelRequirementSchema = struct({
  key: text.default(''),
  values: list(text).optional(),
});
/** A label and the values it may have. */
export interface TopologySelectorLabelRequirement extends z.infer<typeof topologySelectorLabelRequirementSchema> {}
/** Schema of {@link TopologySelectorLabelRequirement}. */
export const topologySelectorLabelRequirement: Schema<TopologySelectorLabelRequirement> = described(topologySelectorLabelRequirementSchema, 'A label and the values it may have.');

const topologySelectorTermSchema = atomicStruct({
  matchLabelExpressions: list(topologySelectorLabelRequirement).optional(),
});
/** Where volumes may be made. */
export interface TopologySelectorTerm extends z.infer<typeof topologySelectorTermSchema> {}
/** Schema of {@link TopologySelectorTerm}. */
export const topologySelectorTerm: Schema<TopologySelectorTerm> = described(topologySelectorTermSchema, 'Where volumes may be made.');

/** How volumes of one class are made (storage.k8s.io/v1). */
export interface StorageClass extends KubeObject {
  provisioner: string;
  parameters?: Record<string, string> | undefined;
  reclaimPolicy?: string | undefined;
  mountOptions?: string[] | undefined;
  allowVolumeExpansion?: boolean | undefined;
  volumeBindingMode?: string | undefined;
  allowedTopologies?: TopologySelectorTerm[] | undefined;
}
/** The kind {@link StorageClass}. */
export const StorageClass: KindDefinition<StorageClass> = buildKind<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  description: 'How volumes of one class are made.',
  plural: 'storageclasses',
  shortNames: ['sc'],
  namespaced: false,
  fields: {
    provisioner: text.default(''),
    parameters: textMap.optional(),
    reclaimPolicy: pointer(text),
    mountOptions: list(text).optional(),
    allowVolumeExpansion: pointer(flag),
    volumeBindingMode: pointer(text),
    allowedTopologies: list(topologySelectorTerm).optional(),
  },
  columns: storageClassColumns,
  rules: {
    applyDefaults: applyStorageClassDefaults,
    validate: validateStorageClass,
    validateUpdate: validateStorageClassUpdate,
  },
});
