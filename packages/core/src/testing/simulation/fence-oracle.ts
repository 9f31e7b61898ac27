import type { Pod } from '../../model/kinds/pod.js';
import type { KubeObject } from '../../model/object.js';
import type { ObservedCommit } from './faulty-store.js';

const PODS = '/registry/core/pods/';
/** Only controllers make these. */
const MADE = ['/registry/apps/replicasets/', '/registry/discovery.k8s.io/endpointslices/'];

/**
 * Holds several control planes on one store to acting one at a time: no commit is accepted under an epoch after a newer one was given out, and whatever only a leader does (binding, making
 * what is owned) carries a fence.
 */
export class FenceOracle {
  readonly #newest = new Map<string, number>();
  readonly #known = new Map<string, KubeObject>();
  #fenced = 0;
  #terms = 0;

  /** @param violated told of each broken promise */
  constructor(private readonly violated: (what: string) => void) {}

  /** Accepted commits that carried a fence. */
  get fenced(): number {
    return this.#fenced;
  }

  /** Leases given out. */
  get terms(): number {
    return this.#terms;
  }

  /** A lease was given out. */
  acquired({ name, epoch }: { readonly name: string; readonly epoch: number }): void {
    this.#terms += 1;
    const newest = this.#newest.get(name) ?? 0;
    if (epoch <= newest) this.violated(`lease ${name} was given out under epoch ${epoch} after epoch ${newest}`);
    this.#newest.set(name, Math.max(newest, epoch));
  }

  /** Takes in one commit. */
  committed({ guards, writes }: ObservedCommit): void {
    let isFenced = false;
    for (const guard of guards) {
      if (!('lease' in guard)) continue;
      isFenced = true;
      const newest = this.#newest.get(guard.lease) ?? 0;
      if (guard.epoch < newest) this.violated(`${writes[0]?.key} was written under epoch ${guard.epoch} of lease ${guard.lease} after epoch ${newest} was given out`);
    }
    if (isFenced) this.#fenced += 1;
    for (const write of writes) {
      const old = this.#known.get(write.key);
      if ('delete' in write) {
        this.#known.delete(write.key);
        continue;
      }
      const now = write.value as unknown as KubeObject;
      if (!isFenced && leadersWork(write.key, old, now)) this.violated(`${write.key} was written without a fence, and only a leader does that`);
      if (write.key.startsWith(PODS) || isMade(write.key)) this.#known.set(write.key, now);
    }
  }
}

const isMade = (key: string): boolean => MADE.some((prefix) => key.startsWith(prefix));

function leadersWork(key: string, old: KubeObject | undefined, now: KubeObject): boolean {
  if (!key.startsWith(PODS)) return isMade(key) && old === undefined;
  const isOwned = now.metadata.ownerReferences?.some(({ controller }) => controller === true) === true;
  const node = (pod: KubeObject | undefined): string => (pod as Pod | undefined)?.spec.nodeName ?? '';
  return (old === undefined && isOwned) || (node(old) === '' && node(now) !== '');
}
