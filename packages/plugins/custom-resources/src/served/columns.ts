import { type Column, humanDuration, millisOfTime } from '@orrery/core';
import type { DefinitionVersion } from '../definition/form.js';
import { parseJsonPath, readJsonPath } from './json-path.js';

type Given = NonNullable<DefinitionVersion['additionalPrinterColumns']>[number];

/** The age is shown where no columns are given. */
const AGE: Given = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: 'CreationTimestamp is a timestamp representing the server time when this object was created.' };

/** The columns of `kubectl get` of a version (apiextensions tableconvertor). */
export const columnsOf = ({ additionalPrinterColumns = [] }: DefinitionVersion): readonly Column[] => (additionalPrinterColumns.length === 0 ? [AGE] : additionalPrinterColumns).map(columnOf);

function columnOf({ name, type, format, description, priority, jsonPath }: Given): Column {
  const path = parseJsonPath(jsonPath);
  return {
    name,
    type: type as Column['type'],
    ...(format !== undefined && { format }),
    description: description ?? `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority !== undefined && { priority }),
    value: (object, now) => (typeof path === 'string' ? '' : cellOf(type, readJsonPath(path, object), now)),
  };
}

/** The first value; of texts all of them. What is not of the column's type is shown as nothing, as in Kubernetes. */
function cellOf(type: string, found: readonly unknown[], now: number): string | number | boolean {
  const [first] = found;
  if (first === undefined || first === null) return '';
  switch (type) {
    case 'integer':
      return typeof first === 'number' ? Math.trunc(first) : '';
    case 'number':
      return typeof first === 'number' ? first : '';
    case 'boolean':
      return typeof first === 'boolean' ? first : '';
    case 'date': {
      const at = typeof first === 'string' ? millisOfTime(first) : undefined;
      return at === undefined ? '<invalid>' : humanDuration(now - at);
    }
    default:
      return found.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(',');
  }
}
