import type { Node } from '@orrery/core';
import { conditionStatus } from './taints.js';

/** How fast pods are evicted from nodes that are not ready. */
export interface EvictionRates {
  /** Nodes a second and zone, normally. */
  readonly nodesPerSecond: number;
  /** The same in a zone of which too much is down. */
  readonly secondaryNodesPerSecond: number;
  /** Share of a zone's nodes that must be down for {@link secondaryNodesPerSecond}. */
  readonly unhealthyShare: number;
  /** Up to so many nodes the secondary rate is 0: a small zone of which most is down is more likely cut off than broken. */
  readonly largeZone: number;
}

/** The zone of a node: region and zone labels. */
export function zoneOf({ metadata }: Node): string {
  const { labels = {} } = metadata;
  return `${labels['topology.kubernetes.io/region'] ?? ''}:${labels['topology.kubernetes.io/zone'] ?? ''}`;
}

type ZoneState = 'normal' | 'partial' | 'full';

interface Zone {
  readonly state: ZoneState;
  readonly nodes: number;
}

/**
 * Milliseconds between evictions of nodes in a zone; undefined when none are evicted: then either too much of a small zone is down, or every node of
 * the cluster is, and it is rather this controller that is cut off (handleDisruption, ComputeZoneState). Pure.
 */
export function evictionInterval(nodes: readonly Node[], zone: string, rates: EvictionRates): number | undefined {
  const zones = zoneStates(nodes, rates.unhealthyShare);
  if ([...zones.values()].every(({ state }) => state === 'full')) return undefined;
  const { state, nodes: size } = zones.get(zone) ?? { state: 'normal', nodes: 0 };
  const rate = state !== 'partial' ? rates.nodesPerSecond : size > rates.largeZone ? rates.secondaryNodesPerSecond : 0;
  return rate > 0 ? 1000 / rate : undefined;
}

function zoneStates(nodes: readonly Node[], unhealthyShare: number): ReadonlyMap<string, Zone> {
  const counts = new Map<string, { ready: number; down: number }>();
  for (const node of nodes) {
    const count = counts.get(zoneOf(node)) ?? { ready: 0, down: 0 };
    counts.set(zoneOf(node), count);
    if (conditionStatus(node, 'Ready') === 'True') count.ready += 1;
    else count.down += 1;
  }
  return new Map([...counts].map(([zone, { ready, down }]) => [zone, { state: stateOf(ready, down, unhealthyShare), nodes: ready + down }]));
}

function stateOf(ready: number, down: number, unhealthyShare: number): ZoneState {
  if (ready === 0 && down > 0) return 'full';
  return down > 2 && down / (ready + down) >= unhealthyShare ? 'partial' : 'normal';
}
