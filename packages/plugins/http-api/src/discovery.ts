import type { ForwardedGroup, KindDefinition } from '@orrery/core';
import { discoveryOfForwarded, type ForwardedVersion } from './forwarding/forwarded-discovery.js';
import { notServed } from './refusal.js';
import { type GroupVersion, partsOf, verbsOf } from './served.js';

/** `/api` as old clients know it. */
export const apiVersions = (address: string) => ({ kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: address }] });

/** `/apis` as old clients know it. */
export const apiGroupList = (all: readonly GroupVersion[], forwarded: readonly ForwardedGroup[]) => ({ kind: 'APIGroupList', apiVersion: 'v1', groups: groupsWith(all, forwarded).map((group) => groupOf(group, all, forwarded)) });

/** `/apis/<group>`. Throws NotFound for a group that is not served. */
export function apiGroup(group: string, all: readonly GroupVersion[], forwarded: readonly ForwardedGroup[]): object {
  if (!groupsWith(all, forwarded).includes(group)) throw notServed();
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(group, all, forwarded) };
}

/** `/api/v1` or `/apis/<group>/<version>`. Throws NotFound for one that is not served. */
export function apiResourceList(group: string, version: string, all: readonly GroupVersion[]): object {
  const served = all.find((one) => one.group === group && one.version === version);
  if (served === undefined) throw notServed();
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: group === '' ? version : `${group}/${version}`, resources: served.kinds.flatMap((kind) => resourcesOf(kind, served)) };
}

/** `/api` (the core group) or `/apis` (all others) in one document, resources included (apidiscovery.k8s.io/v2). */
export function aggregated(all: readonly GroupVersion[], isCore: boolean, forwarded: readonly ForwardedVersion[] = []): object {
  const others = elsewhere(all, forwarded);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: (isCore ? [''] : groupsWith(all, forwarded)).map((group) => ({
      metadata: group === '' ? {} : { name: group },
      versions: [
        ...all.filter((one) => one.group === group).map((served) => ({ version: served.version, freshness: 'Current', resources: served.kinds.map((kind) => discoveryOf(kind, served)) })),
        ...others.filter((one) => one.group === group).map(discoveryOfForwarded),
      ],
    })),
  };
}

/** Versions that are served here are not another server's. */
const elsewhere = <T extends ForwardedGroup>(all: readonly GroupVersion[], forwarded: readonly T[]): readonly T[] => forwarded.filter(({ group, version }) => !all.some((one) => one.group === group && one.version === version));

/** Those that are served here come first. */
const groupsWith = (all: readonly GroupVersion[], forwarded: readonly ForwardedGroup[]): string[] => [...new Set([...groupsOf(all), ...forwarded.map(({ group }) => group)])].filter((group) => group !== '');

const groupsOf = (all: readonly GroupVersion[]): string[] => [...new Set(all.map(({ group }) => group))].filter((group) => group !== '');

function groupOf(name: string, all: readonly GroupVersion[], forwarded: readonly ForwardedGroup[]) {
  const versions = [...all, ...elsewhere(all, forwarded)].filter(({ group }) => group === name).map(({ version }) => ({ groupVersion: `${name}/${version}`, version }));
  return { name, versions, preferredVersion: versions[0] };
}

function resourcesOf(kind: KindDefinition, { subresources }: GroupVersion): object[] {
  const { plural, singular, namespaced, shortNames, categories } = kind;
  return [
    { name: plural, singularName: singular, namespaced, kind: kind.kind, verbs: verbsOf(kind), ...(shortNames.length > 0 && { shortNames }), ...(categories.length > 0 && { categories }) },
    ...partsOf(kind, subresources).map((part) => ({ name: `${plural}/${part.name}`, singularName: '', namespaced, ...(part.kind !== undefined && part.kind.version !== '' && { group: part.kind.group, version: part.kind.version }), kind: part.kind?.kind ?? kind.kind, verbs: part.verbs })),
  ];
}

function discoveryOf(kind: KindDefinition, { subresources }: GroupVersion): object {
  const { group, version, plural, singular, namespaced, shortNames, categories } = kind;
  const responseKind = { group, version, kind: kind.kind };
  return {
    resource: plural,
    responseKind,
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs: verbsOf(kind),
    ...(shortNames.length > 0 && { shortNames }),
    ...(categories.length > 0 && { categories }),
    subresources: partsOf(kind, subresources).map((part) => ({ subresource: part.name, responseKind: part.kind ?? responseKind, verbs: part.verbs })),
  };
}
