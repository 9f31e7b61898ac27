import type { Informer, KubeObject } from '@orrery/core';

/** An informer for admission steps: asked for when first needed, awaited until it has its first list, and asked for again if that failed. */
export function whenSynced<T extends KubeObject>(make: () => Informer<T>): () => Promise<Informer<T>> {
  let ready: Promise<Informer<T>> | undefined;
  const prepare = async (): Promise<Informer<T>> => {
    try {
      const informer = make();
      await informer.synced();
      return informer;
    } catch (error) {
      ready = undefined;
      throw error;
    }
  };
  return () => (ready ??= prepare());
}
