/**
 * Expressions in CEL as Kubernetes has them. A library, no plugin: it takes no seat and starts nothing.
 * @packageDocumentation
 */
export { Optional } from '@marcbachmann/cel-js';
export { Duration } from '@marcbachmann/cel-js/evaluator';
export { Budget, TooExpensive } from './budget.js';
export { compileExpression, type Expression, type ExpressionNode, type ExpressionOptions, firstLine } from './compile.js';
export { finds, patternOf, workOf } from './patterns.js';
export { celJson } from './values.js';
