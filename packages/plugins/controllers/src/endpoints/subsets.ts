import { canonicalJson, type EndpointAddress, type EndpointSubset, type EndpointSubsetPort } from '@orrery/core';

/** One address under one port; without a port for services that have none. */
export interface Offer {
  readonly address: EndpointAddress;
  readonly ready: boolean;
  readonly port?: EndpointSubsetPort | undefined;
}

interface Group {
  readonly ports: EndpointSubsetPort[];
  readonly offers: ReadonlyMap<string, Offer>;
}

/**
 * The fewest subsets that say the same: ports that the same addresses offer, ready and not, share one. Sorted, so that equal offers are equal subsets
 * (k8s.io/kubernetes/pkg/api/v1/endpoints RepackSubsets). Pure.
 */
export function subsetsOf(offers: readonly Offer[]): EndpointSubset[] {
  const byPort = new Map<string, { readonly port: EndpointSubsetPort | undefined; readonly offers: Map<string, Offer> }>();
  for (const offer of offers) {
    const key = canonicalJson(offer.port ?? {});
    const group = byPort.get(key) ?? { port: offer.port, offers: new Map<string, Offer>() };
    byPort.set(key, group);
    group.offers.set(addressKey(offer.address), offer);
  }
  const groups = new Map<string, Group>();
  for (const { port, offers: under } of byPort.values()) {
    // Ports that nobody names are never put together with those that are named.
    const key = `${port === undefined} ${[...under].map(([address, { ready }]) => `${address} ${ready}`).sort().join('|')}`;
    const group = groups.get(key) ?? { ports: [], offers: under };
    groups.set(key, group);
    if (port !== undefined) group.ports.push(port);
  }
  return [...groups.values()].map(subsetOf).sort((a, b) => compare(canonicalJson(a.ports ?? []), canonicalJson(b.ports ?? [])) || compare(canonicalJson(a), canonicalJson(b)));
}

function subsetOf({ ports, offers }: Group): EndpointSubset {
  const of = (ready: boolean): EndpointAddress[] => [...offers].filter(([, offer]) => offer.ready === ready).sort(([a], [b]) => compare(a, b)).map(([, { address }]) => address);
  const [addresses, notReadyAddresses] = [of(true), of(false)];
  return {
    ...(addresses.length > 0 && { addresses }),
    ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
    ...(ports.length > 0 && { ports: ports.toSorted((a, b) => compare(canonicalJson(a), canonicalJson(b))) }),
  };
}

const addressKey = ({ ip, targetRef }: EndpointAddress): string => `${ip} ${targetRef?.uid ?? ''}`;
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** At most so many addresses, those that are ready first; undefined when there are no more than that (truncateEndpoints). Pure. */
export function truncated(subsets: readonly EndpointSubset[], max: number): EndpointSubset[] | undefined {
  const count = subsets.reduce((sum, { addresses = [], notReadyAddresses = [] }) => sum + addresses.length + notReadyAddresses.length, 0);
  if (count <= max) return undefined;
  let room = max;
  const take = <T>(list: readonly T[] = []): T[] => {
    const taken = list.slice(0, room);
    room -= taken.length;
    return taken;
  };
  const ready = subsets.map(({ addresses }) => take(addresses));
  const rest = subsets.map(({ notReadyAddresses }) => take(notReadyAddresses));
  return subsets.flatMap(({ ports }, i) => {
    const [addresses, notReadyAddresses] = [ready[i] ?? [], rest[i] ?? []];
    if (addresses.length + notReadyAddresses.length === 0) return [];
    return [{ ...(addresses.length > 0 && { addresses }), ...(notReadyAddresses.length > 0 && { notReadyAddresses }), ...(ports !== undefined && { ports }) }];
  });
}
