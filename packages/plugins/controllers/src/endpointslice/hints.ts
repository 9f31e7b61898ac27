import { type Endpoint, type EndpointSlice, equalJson, type Service } from '@orrery/core';

/** Where traffic should stay (KEP 4444 and 3015). */
type Distribution = 'zone' | 'node' | undefined;

/** What the service asks for. The older topology annotation takes precedence, and is not acted on here: its services get no hints. */
export function distributionOf({ spec, metadata }: Service): Distribution {
  const mode = metadata.annotations?.['service.kubernetes.io/topology-aware-hints'] ?? metadata.annotations?.['service.kubernetes.io/topology-mode'];
  if (mode === 'Auto' || mode === 'auto') return undefined;
  if (spec.trafficDistribution === 'PreferSameNode') return 'node';
  return spec.trafficDistribution === 'PreferClose' || spec.trafficDistribution === 'PreferSameZone' ? 'zone' : undefined;
}

/** The slice with the hints it should have; the same object when it has them (trafficdist ReconcileHints). Endpoints that are not ready keep theirs. */
export function withHints<T extends EndpointSlice>(slice: T, distribution: Distribution): T {
  let changed = false;
  const endpoints = slice.endpoints.map((endpoint) => {
    const next = hinted(endpoint, distribution);
    changed ||= next !== endpoint;
    return next;
  });
  return changed ? { ...slice, endpoints } : slice;
}

function hinted(endpoint: Endpoint, distribution: Distribution): Endpoint {
  if (distribution !== undefined && endpoint.conditions?.ready !== true) return endpoint;
  const { hints, ...rest } = endpoint;
  const wanted = {
    ...(distribution !== undefined && endpoint.zone !== undefined && { forZones: [{ name: endpoint.zone }] }),
    ...(distribution === 'node' && endpoint.nodeName !== undefined && { forNodes: [{ name: endpoint.nodeName }] }),
  };
  if (Object.keys(wanted).length === 0) return hints === undefined ? endpoint : rest;
  return equalJson(hints, wanted) ? endpoint : { ...rest, hints: wanted };
}
