import { type SlicePlan, planSlices } from '@orrery/controllers';
import { canonicalJson, type EndpointSlice, type Node, type Pod, type Service } from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

// Holds the slices of a service, phase by phase, against those of the endpoint slice reconciler.

interface Input {
  readonly service: Service;
  readonly nodes?: readonly Node[];
  readonly podsByPhase: readonly (readonly Pod[] | null)[];
  readonly maxEndpointsPerSlice: number;
}

/** Slices after each phase; where their distribution is arbitrary, the union of the endpoints. */
export const endpointSlice: Family = { family: 'endpointslice', files: ['endpointslice'], prepare: () => run };

function run({ input, expected }: VectorCase): Outcome {
  const vector = input as unknown as Input;
  const nodes = new Map((vector.nodes ?? []).map((node) => [node.metadata.name ?? '', node]));
  let slices: readonly EndpointSlice[] = [];
  let made = 0;
  const wanted = expected['phases'] as readonly Phase[];
  const phases = vector.podsByPhase.map((pods, i) => {
    const plan = planSlices({ service: vector.service, pods: pods ?? [], node: (name) => nodes.get(name), slices, max: vector.maxEndpointsPerSlice });
    slices = carriedOut(plan, slices, () => `slice-${made++}`);
    return shown(plan, slices, wanted[i] ?? {});
  });
  return compare(phases, wanted.map(unordered));
}

function carriedOut({ create, update, remove }: SlicePlan, slices: readonly EndpointSlice[], name: () => string): readonly EndpointSlice[] {
  const gone = new Set([...update, ...remove].map(({ metadata }) => metadata.name));
  const made = create.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: name() } }));
  return [...slices.filter(({ metadata }) => !gone.has(metadata.name)), ...update, ...made];
}

type Phase = Record<string, unknown>;

/** Only what the case tells: an error for pods on missing nodes, the slices, or what is determined when their distribution is not. */
function shown(plan: SlicePlan, slices: readonly EndpointSlice[], expected: Phase): Phase {
  if (plan.homeless.length > 0) return 'endpointsUnion' in expected ? { ...expected, endpointsUnion: null } : { error: true };
  const normal = slices.map(normalized);
  if (!('endpointsUnion' in expected)) return { slices: sorted(normal) };
  const union = byAddress(normal.flatMap(({ endpoints }) => endpoints));
  const sizes = expected['sliceSizes'] == null ? {} : { sliceSizes: slices.map(({ endpoints }) => endpoints.length).sort((a, b) => a - b) };
  return { ...expected, endpointsUnion: union, ...sizes };
}

function normalized({ addressType, endpoints, ports, metadata }: EndpointSlice): Pick<EndpointSlice, 'addressType' | 'endpoints' | 'ports'> & Record<string, unknown> {
  const { labels, annotations, ownerReferences, generateName } = metadata;
  return { addressType, endpoints: byAddress(endpoints), ports: ports.toSorted((a, b) => ((a.name ?? '') < (b.name ?? '') ? -1 : 1)), labels, annotations, ownerReferences, generateName };
}

const byAddress = <T extends { readonly addresses: readonly string[] }>(endpoints: readonly T[]): T[] =>
  endpoints.toSorted((a, b) => ((a.addresses[0] ?? '') < (b.addresses[0] ?? '') ? -1 : 1));

const sorted = (slices: readonly object[]): object[] => slices.toSorted((a, b) => (canonicalJson(a) < canonicalJson(b) ? -1 : 1));

/** Slices and endpoints are sets: both sides are put into the same order. */
function unordered(phase: Phase): Phase {
  const { slices, endpointsUnion } = phase as { slices?: readonly EndpointSlice[]; endpointsUnion?: EndpointSlice['endpoints'] | null };
  return {
    ...phase,
    ...(slices !== undefined && { slices: sorted(slices.map((slice) => ({ ...slice, endpoints: byAddress(slice.endpoints) }))) }),
    ...(endpointsUnion != null && { endpointsUnion: byAddress(endpointsUnion) }),
  };
}
