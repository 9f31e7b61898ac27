import { equalJson, type KindDefinition } from '@orrery/core';
import { APIService } from '../kind/api-service.js';

/** How an APIService is told that this server looks after it, and the value that says so. */
export const AUTOMANAGED = 'kube-aggregator.kubernetes.io/automanaged';
const MANAGED = 'true';

/** Where groups stand in discovery, and their versions (kube-apiserver's apiVersionPriorities). Others come with CustomResourceDefinitions and have 1000 and 100. */
const GROUP_PRIORITIES: Readonly<Record<string, number>> = {
  '': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'apiextensions.k8s.io': 16_700,
  'admissionregistration.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
};

/** What is to be written. */
export interface LocalPlan {
  readonly create: readonly APIService[];
  readonly update: readonly APIService[];
  readonly remove: readonly APIService[];
}

type GroupVersion = Pick<KindDefinition, 'group' | 'version'>;

/** An APIService for each version of a group that is served here, and none that is left over of those this server made (kube-aggregator autoregister). One that somebody else wrote is theirs. Pure. */
export function planLocal(served: readonly GroupVersion[], existing: readonly APIService[]): LocalPlan {
  const wanted = new Map(served.map((one) => [nameOf(one), localOf(one)]));
  const known = new Map(existing.map((one) => [one.metadata.name ?? '', one]));
  const isOurs = ({ metadata }: APIService): boolean => metadata.labels?.[AUTOMANAGED] !== undefined;
  return {
    create: [...wanted].flatMap(([name, one]) => (known.has(name) ? [] : [one])),
    update: [...wanted].flatMap(([name, one]) => {
      const there = known.get(name);
      return there === undefined || !isOurs(there) || equalJson(there.spec, one.spec) ? [] : [{ ...there, spec: one.spec }];
    }),
    remove: existing.filter((one) => isOurs(one) && !wanted.has(one.metadata.name ?? '')),
  };
}

const nameOf = ({ group, version }: GroupVersion): string => `${version}.${group}`;

function localOf({ group, version }: GroupVersion): APIService {
  const groupPriorityMinimum = GROUP_PRIORITIES[group];
  return {
    apiVersion: APIService.apiVersion,
    kind: APIService.kind,
    metadata: { name: nameOf({ group, version }), labels: { [AUTOMANAGED]: MANAGED } },
    spec: { ...(group !== '' && { group }), version, groupPriorityMinimum: groupPriorityMinimum ?? 1_000, versionPriority: groupPriorityMinimum === undefined ? 100 : group === '' ? 1 : versionPriority(version) },
  };
}

/** Stable versions before others, and later ones before earlier ones. */
function versionPriority(version: string): number {
  const [, major = '0', stage] = /^v(\d+)(alpha|beta)?/.exec(version) ?? [];
  return (stage === undefined ? 15 : stage === 'beta' ? 9 : 1) * Math.max(1, Number(major));
}
