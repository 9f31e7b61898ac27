export * from './directory.js';
export * from './families.js';
export * from './family.js';
export * from './report.js';
export * from './run.js';
