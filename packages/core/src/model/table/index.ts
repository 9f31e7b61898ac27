export { humanDuration, since } from './human-duration.js';
export { type Cell, type IncludeObject, type Table, type TableColumn, type TableKind, type TableRow, tableOf } from './table.js';
