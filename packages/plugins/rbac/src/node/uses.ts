import { type Informer, type Informers, type Lister, PersistentVolume, Pod } from '@orrery/core';

/** What a pod on a node gives its agent access to. */
export type UsedKind = 'secret' | 'configmap' | 'persistentvolumeclaim' | 'serviceaccount';

/** Label of volumes that are kept in a folder of a node's agent: on which node. */
export const KEPT_BY = 'orrery.dev/node';
/** Finalizer of such a volume: its folder is still there. */
export const FOLDER_FINALIZER = 'orrery.dev/local-path';

const USES = 'rbac.node-uses';
const VOLUME_SECRETS = 'rbac.volume-secrets';
const MIRROR = 'kubernetes.io/config.mirror';

type Reference = readonly [kind: UsedKind, name: string];
/** The parts of volume sources that name something. */
interface Naming {
  readonly secretName?: string | undefined;
  readonly claimName?: string | undefined;
  readonly secretRef?: { readonly name?: string | undefined; readonly namespace?: string | undefined } | undefined;
  readonly nodePublishSecretRef?: { readonly name?: string | undefined; readonly namespace?: string | undefined } | undefined;
}

/** Secrets, config maps, claims and the service account that a pod refers to, in its namespace. Pure. */
export function* usesOf({ metadata, spec }: Pod): Generator<Reference, void, undefined> {
  if (spec.serviceAccountName !== undefined && spec.serviceAccountName !== '') yield ['serviceaccount', spec.serviceAccountName];
  for (const { name = '' } of spec.imagePullSecrets ?? []) yield ['secret', name];
  for (const { env = [], envFrom = [] } of [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])]) {
    for (const { valueFrom } of env) {
      if (valueFrom?.secretKeyRef !== undefined) yield ['secret', valueFrom.secretKeyRef.name ?? ''];
      if (valueFrom?.configMapKeyRef !== undefined) yield ['configmap', valueFrom.configMapKeyRef.name ?? ''];
    }
    for (const { secretRef, configMapRef } of envFrom) {
      if (secretRef !== undefined) yield ['secret', secretRef.name ?? ''];
      if (configMapRef !== undefined) yield ['configmap', configMapRef.name ?? ''];
    }
  }
  for (const { name: volume, configMap, projected, ephemeral, ...rest } of spec.volumes ?? []) {
    if (configMap !== undefined) yield ['configmap', configMap.name ?? ''];
    for (const source of projected?.sources ?? []) {
      if (source.secret !== undefined) yield ['secret', source.secret.name ?? ''];
      if (source.configMap !== undefined) yield ['configmap', source.configMap.name ?? ''];
    }
    if (ephemeral !== undefined) yield ['persistentvolumeclaim', `${metadata.name}-${volume}`];
    for (const source of Object.values(rest) as (Naming | undefined)[]) {
      if (source?.claimName !== undefined) yield ['persistentvolumeclaim', source.claimName];
      for (const name of [source?.secretName, source?.secretRef?.name, source?.nodePublishSecretRef?.name]) if (name !== undefined) yield ['secret', name];
    }
  }
}

/** A pod that an agent made up for what it runs anyway gives it nothing: else it could name any secret (mirror pods). */
function keysOf(pod: Pod): readonly string[] {
  const { namespace = '', annotations } = pod.metadata;
  const { nodeName = '' } = pod.spec;
  if (nodeName === '' || annotations?.[MIRROR] !== undefined) return [];
  return [...new Set([...usesOf(pod)].map(([kind, name]) => keyOf(nodeName, kind, namespace, name)))];
}
const keyOf = (node: string, kind: UsedKind, namespace: string, name: string): string => `${node} ${kind} ${namespace}/${name}`;

function secretsOfVolume({ spec }: PersistentVolume): readonly string[] {
  const { claimRef, ...rest } = spec;
  return (Object.values(rest) as (Naming | undefined)[]).flatMap((source) =>
    typeof source !== 'object' || source === null
      ? []
      : [source.secretRef, source.nodePublishSecretRef].flatMap((ref) => (ref?.name === undefined ? [] : [`${ref.namespace ?? claimRef?.namespace ?? ''}/${ref.name}`])),
  );
}

/** What the pods of each node use, from caches that file pods by it: one look-up a question. */
export class NodeUses {
  readonly #pods: Informer<Pod>;
  readonly #volumes: Informer<PersistentVolume>;
  #isReady = false;
  readonly #synced: Promise<void>;

  constructor(informers: Informers) {
    this.#pods = informers.get(Pod, { indexes: { [USES]: keysOf } });
    this.#volumes = informers.get(PersistentVolume, { indexes: { [VOLUME_SECRETS]: secretsOfVolume } });
    this.#synced = Promise.all([this.#pods.synced(), this.#volumes.synced()]).then(() => {
      this.#isReady = true;
    });
    // Who waits for it is told; nobody may be waiting when the caches end early.
    this.#synced.catch(() => undefined);
  }

  /** Resolves when the caches are there; undefined when they are already. */
  ready(): Promise<void> | undefined {
    return this.#isReady ? undefined : this.#synced;
  }

  /** All pods as the cache has them. */
  get pods(): Lister<Pod> {
    return this.#pods.lister;
  }

  /** Whether a pod of the node refers to it, or, for a secret, a volume that such a pod claims. */
  uses(node: string, kind: UsedKind, namespace: string, name: string): boolean {
    if (this.#pods.lister.byIndex(USES, keyOf(node, kind, namespace, name)).length > 0) return true;
    return kind === 'secret' && this.#volumes.lister.byIndex(VOLUME_SECRETS, `${namespace}/${name}`).some((volume) => this.#claims(node, volume));
  }

  /** Whether a pod of the node claims the volume. */
  usesVolume(node: string, name: string): boolean {
    const volume = this.#volumes.lister.get(name);
    return volume !== undefined && this.#claims(node, volume);
  }

  /** Whether the volume is a folder on the node's own disk, which its agent removes in the end. */
  keepsVolume(node: string, name: string): boolean {
    return this.#volumes.lister.get(name)?.metadata.labels?.[KEPT_BY] === node;
  }

  #claims(node: string, { spec: { claimRef } }: PersistentVolume): boolean {
    return claimRef !== undefined && this.uses(node, 'persistentvolumeclaim', claimRef.namespace ?? '', claimRef.name ?? '');
  }
}
