import type { Informer, Namespace } from '@orrery/core';
import { Listeners } from '../state/listeners.js';
import { same } from '../state/same.js';
import type { Namespaces } from './pod-affinity-terms.js';

/** Namespaces as an informer shows them, until `stop`. */
export function informedNamespaces(informer: Informer<Namespace>): { readonly namespaces: Namespaces; stop(): void } {
  const listeners = new Listeners();
  let version = 0;
  const changed = (): void => {
    version++;
    listeners.tell();
  };
  const stop = informer.subscribe({
    added: changed,
    updated: (now, old) => (same(now.metadata.labels, old.metadata.labels) ? undefined : changed()),
    deleted: changed,
  });
  return {
    namespaces: {
      labels: (name) => informer.lister.get(name)?.metadata.labels,
      get version() {
        return version;
      },
      outside: { changed: (listener) => listeners.add(listener), synced: (signal) => informer.synced(signal) },
    },
    stop,
  };
}
