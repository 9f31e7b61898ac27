import { type Client, controllerOf, type KindDefinition, type KubeObject, type Lister, type OwnerReference, type Pod, readPath, type ReplicaSet } from '@orrery/core';

/** How many pods the owners of some pods want together, and which of the pods have none. */
export interface WantedPods {
  readonly total: number;
  readonly unmanaged: readonly Pod[];
}

/** Where owners are looked up. */
export interface OwnerSources {
  readonly client: Client;
  readonly sets: Lister<ReplicaSet>;
  readonly kinds: () => Iterable<KindDefinition>;
}

/**
 * Asks the controller of each pod once how many it wants, a ReplicaSet's Deployment in its place (getExpectedScale). Throws when a controller is gone or has no scale.
 */
export async function wantedPods(pods: readonly Pod[], sources: OwnerSources): Promise<WantedPods> {
  const wanted = new Map<string, number>();
  const unmanaged: Pod[] = [];
  const asked = new Set<string>();
  for (const pod of pods) {
    const owner = controllerOf(pod);
    if (owner === undefined) {
      unmanaged.push(pod);
      continue;
    }
    if (asked.has(owner.uid)) continue;
    asked.add(owner.uid);
    const namespace = pod.metadata.namespace ?? '';
    const above = deploymentOf(owner, namespace, sources.sets);
    const { uid, replicas } = await replicasOf(above ?? owner, namespace, pod, sources);
    wanted.set(uid, replicas);
  }
  return { total: [...wanted.values()].reduce((sum, replicas) => sum + replicas, 0), unmanaged };
}

function deploymentOf(owner: OwnerReference, namespace: string, sets: Lister<ReplicaSet>): OwnerReference | undefined {
  if (owner.kind !== 'ReplicaSet') return undefined;
  const set = sets.get(`${namespace}/${owner.name}`);
  return set?.metadata.uid === owner.uid ? controllerOf(set) : undefined;
}

async function replicasOf(owner: OwnerReference, namespace: string, pod: Pod, { client, kinds }: OwnerSources): Promise<{ readonly uid: string; readonly replicas: number }> {
  const kind = [...kinds()].find((one) => one.apiVersion === owner.apiVersion && one.kind === owner.kind);
  if (kind?.scale === undefined) throw new Error(`${owner.apiVersion}/${owner.kind} does not implement the scale subresource`);
  const object: KubeObject | undefined = await client.kind(kind).find({ namespace, name: owner.name });
  if (object === undefined || object.metadata.uid !== owner.uid) throw new Error(`found no controllers for pod ${JSON.stringify(pod.metadata.name)}`);
  return { uid: owner.uid, replicas: Number(readPath(object, kind.scale.specReplicas) ?? 1) };
}
