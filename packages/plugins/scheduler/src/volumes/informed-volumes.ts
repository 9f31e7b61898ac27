import type { Informer, KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '@orrery/core';
import { Listeners } from '../state/listeners.js';
import { same } from '../state/same.js';
import type { Volumes } from './volumes.js';

const IGNORED_METADATA = new Set(['resourceVersion', 'managedFields', 'generation']);
const IGNORED = new Set(['metadata', 'status']);

/** Whether two versions of a claim, volume or class say the same of where pods fit: all but conditions and what every write changes. */
const alike = (a: KubeObject & { readonly status?: { readonly phase?: string | undefined } | undefined }, b: typeof a): boolean =>
  a.status?.phase === b.status?.phase && same(a.metadata, b.metadata, IGNORED_METADATA) && same(a, b, IGNORED);

/** Claims, volumes and storage classes as informers show them, until `stop`. */
export function informedVolumes(informers: {
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly volumes: Informer<PersistentVolume>;
  readonly classes: Informer<StorageClass>;
}): { readonly volumes: Volumes; stop(): void } {
  const { claims, volumes, classes } = informers;
  const listeners = new Listeners();
  let version = 0;
  let byClass: ReadonlyMap<string, readonly PersistentVolume[]> | undefined;
  const changed = (): void => {
    version++;
    byClass = undefined;
    listeners.tell();
  };
  const follow = <T extends KubeObject>(informer: Informer<T>): (() => void) =>
    informer.subscribe({ added: changed, updated: (now, old) => (alike(now, old) ? undefined : changed()), deleted: changed });
  const stops = [follow(claims), follow(volumes), follow(classes)];
  return {
    volumes: {
      claim: (key) => claims.lister.get(key),
      volume: (name) => volumes.lister.get(name),
      volumesOf: (name) => (byClass ??= groupByClass(volumes.lister.list())).get(name) ?? [],
      storageClass: (name) => classes.lister.get(name),
      get version() {
        return version;
      },
      changed: (listener) => listeners.add(listener),
      async synced(signal) {
        await Promise.all([claims.synced(signal), volumes.synced(signal), classes.synced(signal)]);
      },
    },
    stop: () => {
      for (const stop of stops) stop();
    },
  };
}

function groupByClass(volumes: readonly PersistentVolume[]): ReadonlyMap<string, readonly PersistentVolume[]> {
  const groups = new Map<string, PersistentVolume[]>();
  for (const volume of volumes) {
    const name = volume.spec.storageClassName ?? '';
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [volume]);
    else group.push(volume);
  }
  return groups;
}
