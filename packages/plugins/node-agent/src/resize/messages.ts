import type { Container, Pod } from '@orrery/core';
import { isSidecar } from '../pod/phase.js';

/** As Go writes it: limits before requests, names in order. */
function summaryOf({ name, resources = {} }: Container): object {
  const sorted = (amounts: Readonly<Record<string, string>>): object => Object.fromEntries(Object.entries(amounts).sort(([a], [b]) => (a < b ? -1 : 1)));
  const { limits, requests, claims } = resources;
  return { name, resources: { ...(limits !== undefined && { limits: sorted(limits) }), ...(requests !== undefined && { requests: sorted(requests) }), ...(claims !== undefined && { claims }) } };
}

/**
 * What an event of a resize says (kubelet allocation podResizeMessage): `Pod resize started: {"containers":[…],"generation":2}`. Pure.
 * @param what `started`, `completed`, `error`, or the reason why it waits
 */
export function resizeMessage(what: string, { spec }: Pick<Pod, 'spec'>, generation: number, error?: string): string {
  const sidecars = (spec.initContainers ?? []).filter(isSidecar).map(summaryOf);
  const summary = { ...(sidecars.length > 0 && { initContainers: sidecars }), containers: spec.containers.map(summaryOf), generation, ...(error !== undefined && { error }) };
  return `Pod resize ${what}: ${JSON.stringify(summary)}`;
}
