import { defineKind, type KindDefinition, type KindOf, type KubeObject, milliValue, schemas, value } from '@orrery/core';

const { list, mapOf, quantity, struct, text, timestamp } = schemas;

// What nodes and pods use (metrics.k8s.io/v1beta1): told of the moment, never stored.

const group = { group: 'metrics.k8s.io', version: 'v1beta1' } as const;
const window = { timestamp: timestamp.optional(), window: text.default('') };
const usage = mapOf(quantity).default({});

/** What a node uses. */
export const NodeMetrics = defineKind({
  ...group,
  kind: 'NodeMetrics',
  plural: 'nodes',
  namespaced: false,
  fields: { ...window, usage },
  columns: [
    { name: 'CPU', type: 'string', jsonPath: '.usage.cpu' },
    { name: 'Memory', type: 'string', jsonPath: '.usage.memory' },
    { name: 'Window', type: 'string', jsonPath: '.window' },
  ],
});

/** What the containers of a pod use. */
export const PodMetrics = defineKind({
  ...group,
  kind: 'PodMetrics',
  plural: 'pods',
  fields: { ...window, containers: list(struct({ name: text.default(''), usage })).default([]) },
  columns: [
    { name: 'CPU', type: 'string', value: (object) => `${sumOf(object, (usage) => milliValue(usage['cpu'] ?? '0'))}m` },
    { name: 'Memory', type: 'string', value: (object) => `${sumOf(object, (usage) => value(usage['memory'] ?? '0') / 1024)}Ki` },
    { name: 'Window', type: 'string', jsonPath: '.window' },
  ],
});

/** Over all containers. */
function sumOf(object: KubeObject, amountOf: (usage: Readonly<Record<string, string>>) => number): number {
  const { containers } = object as KindOf<typeof PodMetrics>;
  return containers.reduce((sum, { usage: used }) => sum + amountOf(used), 0);
}

/** Both of them. They are only ever looked at. */
export const metricsKinds = [NodeMetrics, PodMetrics] as readonly unknown[] as readonly KindDefinition[];

const KINDS: ReadonlySet<unknown> = new Set(metricsKinds);
/** Whether objects of a kind are made from what is measured. */
export const isMetrics = (kind: KindDefinition): boolean => KINDS.has(kind);
