import { validateConfigMap, validateConfigMapUpdate } from '../validation/core.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { bytesMap, flag, pointer, textMap } from '../schema/fields.js';
import { configMapColumns } from '../table/cluster-columns.js';



/** Configuration (core/v1). */
export interface ConfigMap extends KubeObject {
  data?: Record<string, string> | undefined;
  /** Base64. */
  binaryData?: Record<string, string> | undefined;
  immutable?: boolean | undefined;
}
/** The kind {@link ConfigMap}. */
export const ConfigMap: KindDefinition<ConfigMap> = buildKind<ConfigMap>({
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  description: 'Configuration.',
  shortNames: ['cm'],
  fields: { data: textMap.optional(), binaryData: bytesMap.optional(), immutable: pointer(flag) },
  columns: configMapColumns,
  rules: {
    validate: validateConfigMap,
    validateUpdate: validateConfigMapUpdate,
  },
});
