import { applySecretDefaults } from '../defaults/core.js';
import { moveStringData, validateSecret, validateSecretUpdate } from '../validation/core.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { bytesMap, flag, pointer, text, textMap } from '../schema/fields.js';
import { secretColumns } from '../table/cluster-columns.js';



/** Configuration that must not be shown (core/v1). */
export interface Secret extends KubeObject {
  type?: string | undefined;
  /** Base64. */
  data?: Record<string, string> | undefined;
  /** Write only: moved into `data` by the server. */
  stringData?: Record<string, string> | undefined;
  immutable?: boolean | undefined;
}
/** The kind {@link Secret}. */
export const Secret: KindDefinition<Secret> = buildKind<Secret>({
  group: '',
  version: 'v1',
  kind: 'Secret',
  description: 'Configuration that must not be shown.',
  fields: { type: text.optional(), data: bytesMap.optional(), stringData: textMap.optional(), immutable: pointer(flag) },
  columns: secretColumns,
  rules: {
    applyDefaults: applySecretDefaults,
    prepareForCreate: moveStringData,
    prepareForUpdate: (draft, old) => {
      moveStringData(draft);
      draft.type ??= old.type;
    },
    validate: validateSecret,
    validateUpdate: validateSecretUpdate,
    selectableFields: { type: ({ type }) => type ?? '' },
  },
});
