import { type Informers, Namespace, PersistentVolume, PersistentVolumeClaim, StorageClass } from '@orrery/core';
import type { ProfileSources } from './profile.js';
import { informedNamespaces } from './topology/informed-namespaces.js';
import { informedVolumes } from './volumes/informed-volumes.js';

/** What the filters and scores of a profile need to know besides pods and nodes, as informers show it, until `stop`. */
export function informedSources(informers: Informers): { readonly sources: Required<Pick<ProfileSources, 'namespaces' | 'volumes'>>; stop(): void } {
  const { namespaces, stop: stopNamespaces } = informedNamespaces(informers.get(Namespace));
  const { volumes, stop: stopVolumes } = informedVolumes({ claims: informers.get(PersistentVolumeClaim), volumes: informers.get(PersistentVolume), classes: informers.get(StorageClass) });
  return {
    sources: { namespaces, volumes },
    stop: () => {
      stopNamespaces();
      stopVolumes();
    },
  };
}
