import { readPath } from '../json.js';
import type { Column, KindDefinition } from '../kind.js';
import type { KubeList, KubeObject } from '../object.js';
import { since } from './human-duration.js';

/** What a cell holds. */
export type Cell = string | number | boolean | null;

/** One column as clients are told of it (meta/v1 TableColumnDefinition). */
export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is always shown, above only with `-o wide`. */
  readonly priority: number;
}

/** One object as a row. */
export interface TableRow {
  readonly cells: readonly Cell[];
  /** e.g. that a pod has ended, so that it may be left out. */
  readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string; readonly message: string }[];
  readonly object: unknown;
}

/** Objects as `kubectl get` shows them (meta/v1 Table). */
export interface Table {
  readonly apiVersion: 'meta.k8s.io/v1';
  readonly kind: 'Table';
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly columnDefinitions: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

/** How much of each object a row carries besides its cells. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** What a table needs to know of a kind. */
export type TableKind = Pick<KindDefinition, 'columns' | 'onlyColumns' | 'rowConditions'>;

const NAME: TableColumn = { name: 'Name', type: 'string', format: 'name', description: 'Name must be unique within a namespace.', priority: 0 };
const AGE: Column = { name: 'Age', type: 'string', description: 'CreationTimestamp is a timestamp representing the server time when this object was created.', value: ({ metadata }, now) => since(metadata.creationTimestamp, now) };

/** Columns that tell how old an object is. */
const AGES: ReadonlySet<string> = new Set(['Age', 'Created At']);

/** The columns of a kind besides its name: its own, and its age where that is not among them and may be added. */
const columnsOf = ({ columns, onlyColumns }: TableKind): readonly Column[] => (onlyColumns !== undefined || columns.some(({ name }) => AGES.has(name)) ? columns : [...columns, AGE]);

/** An object or a list as a table, with the columns of its kind (the server-side printing of kube-apiserver). `now` in milliseconds since the epoch. Pure. */
export function tableOf(kind: TableKind, given: KubeObject | KubeList, { now, include = 'Metadata' }: { readonly now: number; readonly include?: IncludeObject }): Table {
  const columns = columnsOf(kind);
  const isNamed = kind.onlyColumns !== 'withName';
  const isList = 'items' in given;
  const objects = isList ? (given as KubeList).items : [given as KubeObject];
  const { resourceVersion, continue: next, remainingItemCount } = given.metadata as KubeList['metadata'];
  return {
    apiVersion: 'meta.k8s.io/v1',
    kind: 'Table',
    metadata: { ...(resourceVersion !== undefined && { resourceVersion }), ...(next !== undefined && { continue: next }), ...(remainingItemCount !== undefined && { remainingItemCount }) },
    columnDefinitions: [...(isNamed ? [NAME] : []), ...columns.map(({ name, type, format = '', description = '', priority = 0 }) => ({ name, type, format, description, priority }))],
    rows: objects.map((object) => {
      const conditions = kind.rowConditions?.(object);
      return { cells: [...(isNamed ? [object.metadata.name ?? ''] : []), ...columns.map((column) => cellOf(column, object, now))], ...(conditions !== undefined && conditions.length > 0 && { conditions }), object: included(object, include) };
    }),
  };
}

function cellOf(column: Column, object: KubeObject, now: number): Cell {
  if (column.value !== undefined) return column.value(object, now);
  const value = readPath(object, column.jsonPath ?? '');
  if (value === undefined || value === null) return null;
  if (column.type === 'date') return since(String(value), now);
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return JSON.stringify(value);
}

function included(object: KubeObject, include: IncludeObject): unknown {
  if (include === 'None') return null;
  return include === 'Object' ? object : { apiVersion: 'meta.k8s.io/v1', kind: 'PartialObjectMetadata', metadata: object.metadata };
}
