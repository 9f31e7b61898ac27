import type { Endpoint, EndpointPort, EndpointSlice, Service } from '@orrery/core';
import type { AddressType } from './endpoint.js';
import { type DesiredSlice, emptySlice, endpointKey, labelsDiffer, sameEndpoint, sliceLabels } from './slice.js';

/** How slices of one set of ports are to change. */
export interface PackPlan {
  readonly create: readonly DesiredSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/** What the slices are to hold. */
export interface PackInput {
  readonly service: Service;
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly existing: readonly EndpointSlice[];
  readonly desired: readonly Endpoint[];
  readonly max: number;
}

/**
 * Puts endpoints into slices with few writes: what is there stays where it is; slices that must be written anyway are filled up first; the rest
 * goes into one slice with room for all of it, or else into new ones (reconcileByPortMapping). Pure.
 */
export function packSlices({ service, addressType, ports, existing, desired, max }: PackInput): PackPlan {
  const waiting = new Map(desired.map((endpoint) => [endpointKey(endpoint), endpoint]));
  const update: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  let unchanged: EndpointSlice[] = [];
  for (const slice of existing) {
    const kept = slice.endpoints.flatMap((endpoint) => {
      const key = endpointKey(endpoint);
      const wanted = waiting.get(key);
      waiting.delete(key);
      return wanted === undefined ? [] : [{ wanted, same: sameEndpoint(wanted, endpoint) }];
    });
    const changed = kept.length !== slice.endpoints.length || kept.some(({ same }) => !same);
    if (changed && kept.length === 0) remove.push(slice);
    else if (changed) update.push(rewritten(slice, service, kept.map(({ wanted }) => wanted)));
    else if (labelsDiffer(slice, service)) update.push(rewritten(slice, service, slice.endpoints));
    else unchanged.push(slice);
  }
  const left = [...waiting.values()];
  const take = (slice: EndpointSlice): EndpointSlice => ({ ...slice, endpoints: [...slice.endpoints, ...left.splice(0, max - slice.endpoints.length)] });

  const filled = update.toSorted((a, b) => b.endpoints.length - a.endpoints.length).map((slice) => (left.length > 0 ? take(slice) : slice));
  const create: DesiredSlice[] = [];
  while (left.length > 0) {
    const room = left.length < max ? closestFit(unchanged, left.length, max) : undefined;
    if (room === undefined) {
      create.push(take(emptySlice(service, addressType, ports)));
      continue;
    }
    unchanged = unchanged.filter((slice) => slice !== room);
    filled.push(take(rewritten(room, service, room.endpoints)));
  }
  return { create, update: filled, remove };
}

const rewritten = (slice: EndpointSlice, service: Service, endpoints: Endpoint[]): EndpointSlice => ({
  ...slice,
  metadata: { ...slice.metadata, labels: sliceLabels(service) },
  endpoints,
});

/** The slice that is fullest with so many more, and not too full (getSliceToFill). */
function closestFit(slices: readonly EndpointSlice[], more: number, max: number): EndpointSlice | undefined {
  let best: EndpointSlice | undefined;
  let least = max;
  for (const slice of slices) {
    const room = max - more - slice.endpoints.length;
    if (room >= 0 && room < least) [best, least] = [slice, room];
  }
  return best;
}
