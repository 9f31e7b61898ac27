import type { Column } from '../kind.js';
import type { Endpoints } from '../kinds/endpoints.js';
import type { EndpointSlice } from '../kinds/endpointslice.js';
import type { Service } from '../kinds/service.js';
import { age, column, fewOf, labelsText, orNone, wide } from './cells.js';

// Services and their endpoints: pkg/printers/internalversion.

const SHOWN = 3;

function externalAddress({ spec, status }: Service): string {
  const own = spec.externalIPs ?? [];
  switch (spec.type) {
    case 'ClusterIP':
    case 'NodePort':
      return orNone(own.join(','));
    case 'LoadBalancer': {
      const balanced = [...new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => orNone(ip, hostname ?? '')).filter((address) => address !== ''))].sort();
      return orNone([...balanced, ...own].join(','), '<pending>');
    }
    case 'ExternalName':
      return spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

/** Columns of Services. */
export const serviceColumns: readonly Column<Service>[] = [
  column('Type', ({ spec }) => spec.type ?? ''),
  column('Cluster-IP', ({ spec }) => spec.clusterIPs?.[0] ?? '<none>'),
  column('External-IP', externalAddress),
  column('Port(s)', ({ spec }) => orNone((spec.ports ?? []).map(({ port, nodePort = 0, protocol }) => (nodePort > 0 ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`)).join(','))),
  age(),
  wide('Selector', ({ spec }) => labelsText(spec.selector)),
];

/** Each address under each port (formatEndpoints). */
function addressesText({ subsets = [] }: Endpoints): string {
  if (subsets.length === 0) return '<none>';
  const joined = (ip: string, port: number): string => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`);
  const all = subsets.flatMap(({ addresses = [], ports = [] }) => (ports.length === 0 ? addresses.map(({ ip }) => ip) : ports.flatMap(({ port }) => addresses.map(({ ip }) => joined(ip, port)))));
  return fewOf(all, SHOWN, '');
}

/** Columns of Endpoints. */
export const endpointsColumns: readonly Column<Endpoints>[] = [column('Endpoints', addressesText), age()];

/** Columns of EndpointSlices. */
export const endpointSliceColumns: readonly Column<EndpointSlice>[] = [
  column('AddressType', ({ addressType }) => addressType),
  column('Ports', ({ ports }) => fewOf((ports ?? []).map(({ port, name }) => (port === undefined ? orNone(name, '*') : String(port))), SHOWN, '<unset>')),
  column('Endpoints', ({ endpoints }) => fewOf((endpoints ?? []).flatMap(({ addresses }) => addresses), SHOWN, '<unset>')),
  age(),
];
