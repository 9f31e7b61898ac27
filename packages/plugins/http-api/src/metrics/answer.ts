import { ApiError, type KubeList, type KubeObject, type MetricsSource, type NodeUsage, type PodUsage, type ResourceUsage, timeOfMillis } from '@orrery/core';
import { wantedOf } from '../accept.js';
import type { Exchange } from '../exchange.js';
import { listAs, objectAs, type Shape } from '../forms.js';
import { type ObjectRequest, type ObjectsContext, timely } from '../objects.js';
import { includeOf, selectionOf } from '../query.js';
import { NodeMetrics } from './kinds.js';

/** What answering needs. */
export interface MetricsContext extends ObjectsContext {
  readonly sources: { items(): readonly MetricsSource[] };
}

/**
 * Answers what nodes or pods use, by the newest samples: of those that are there and selected. Selectors are those of nodes and pods, whose labels the answers carry. Those that nobody has
 * measured yet are left out of lists; asked for by name they are not found.
 */
export async function answerMetrics(exchange: Exchange, { kind, ref, user }: Omit<ObjectRequest, 'verb'>, context: MetricsContext): Promise<void> {
  const { request, query, clock } = exchange;
  const wanted = wantedOf(request.headers.accept);
  const shape: Shape = { as: wanted.as, include: includeOf(query), now: clock.now() };
  const { name, ...place } = ref;
  const of = { group: '', version: 'v1', resource: ref.resource, ...(place.namespace !== undefined && { namespace: place.namespace }) };
  const isNodes = kind === (NodeMetrics as unknown);
  const measured = isNodes ? newest(context.sources.items().flatMap((source) => source.nodes()), (node) => node.name, nodeMetrics) : newest(context.sources.items().flatMap((source) => source.pods()), (pod) => pod.uid, podMetrics);
  const keyOf = ({ metadata }: KubeObject): string => (isNodes ? metadata.name : metadata.uid) ?? '';
  if (name !== undefined) {
    const object = await timely(context, context.transport.request({ verb: 'get', ref: { ...of, name }, user }), exchange.gone);
    const make = measured.get(keyOf(object as KubeObject));
    if (make === undefined) throw new ApiError('NotFound', `${ref.resource === 'nodes' ? 'nodemetrics' : 'podmetrics'}.metrics.k8s.io ${JSON.stringify(place.namespace === undefined ? name : `${place.namespace}/${name}`)} not found`);
    return exchange.value(200, objectAs(kind, make(object as KubeObject), shape), wanted.encoding);
  }
  const { items } = (await timely(context, context.transport.request({ verb: 'list', ref: of, user, ...selectionOf(query) }), exchange.gone)) as KubeList;
  const found: KubeList = { apiVersion: kind.apiVersion, kind: kind.listKind, metadata: {} as KubeList['metadata'], items: items.flatMap((object) => measured.get(keyOf(object))?.(object) ?? []) };
  const { rest, key, list } = listAs(kind, found, shape);
  return exchange.list(rest, key, list, wanted.encoding);
}

/** By key, how each is told; of several sources that know the same the newest counts. */
function newest<T extends { readonly timestamp: number }>(all: readonly T[], keyOf: (one: T) => string, tell: (one: T, of: KubeObject) => KubeObject): ReadonlyMap<string, (of: KubeObject) => KubeObject> {
  const found = new Map<string, T>();
  for (const one of all) {
    const key = keyOf(one);
    if ((found.get(key)?.timestamp ?? -1) < one.timestamp) found.set(key, one);
  }
  return new Map([...found].map(([key, one]) => [key, (of: KubeObject) => tell(one, of)]));
}

const nodeMetrics = (node: NodeUsage, of: KubeObject): KubeObject => ({ ...told('NodeMetrics', node, of), usage: usageOf(node) }) as KubeObject;

const podMetrics = (pod: PodUsage, of: KubeObject): KubeObject => ({ ...told('PodMetrics', pod, of), containers: pod.containers.map((container) => ({ name: container.name, usage: usageOf(container) })) }) as KubeObject;

function told(kind: string, { timestamp, windowMs }: { readonly timestamp: number; readonly windowMs: number }, { metadata: { name, namespace, labels } }: KubeObject): KubeObject {
  const time = timeOfMillis(timestamp);
  const metadata = { name, ...(namespace !== undefined && { namespace }), ...(labels !== undefined && { labels }), creationTimestamp: time };
  return { apiVersion: 'metrics.k8s.io/v1beta1', kind, metadata, timestamp: time, window: `${Number((windowMs / 1000).toFixed(3))}s` } as unknown as KubeObject;
}

const usageOf = ({ cpuMillis, memoryBytes }: ResourceUsage): Record<string, string> => ({ ...(cpuMillis !== undefined && { cpu: `${Math.ceil(cpuMillis)}m` }), memory: `${Math.ceil(memoryBytes / 1024)}Ki` });
