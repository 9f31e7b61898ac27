import {
  type Amounts,
  type Client,
  type Controller,
  type ControllerWatch,
  equalJson,
  keyOf,
  type KindDefinition,
  type KubeObject,
  type Lister,
  noAmounts,
  type ObjectKey,
  type Pod,
  type ReconcileContext,
  type ReconcileResult,
  ResourceQuota,
  watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { isPodTerminal } from '../shared/pods.js';
import { addUsage, planRecount } from './plan.js';
import { isInScope } from './scopes.js';
import { isCountedBy, usageOf } from './usage.js';

/**
 * How long a quota is left alone before its objects are counted: a write that was charged is made, or has failed, within that time.
 * (kube-controller-manager counts at once and may for a moment show too little.)
 */
const SETTLE_MS = 1_000;
/** What no event tells (a write that was charged and then failed) is found by counting so often (the resync of kube-controller-manager). */
const RECOUNT_MS = 300_000;

/** Options of the quota controller. */
export interface QuotaControllerOptions {
  /** The kinds that quotas may count. */
  readonly kinds: () => Iterable<KindDefinition>;
  /** Tells of each kind that is served from then on; returns its removal. Default: there are none. */
  readonly onKind?: (added: (kind: KindDefinition) => void) => () => void;
}

/** Counts what the quotas of a namespace are used by: when a quota is new or changed, when something it counts is gone, and every five minutes. */
export function quotaController({ kinds, onKind }: QuotaControllerOptions): Controller {
  return {
    name: 'resourcequota',
    workers: 5,
    start: (setup) => {
      const quotas = setup.informer(ResourceQuota).lister;
      const seen = new Map<ObjectKey, Seen>();
      const isCounted = ({ namespaced, plural }: KindDefinition): boolean => namespaced && plural !== 'events';
      const watches = [...kinds()].filter(isCounted).map((kind) => watchOf(kind, quotas));
      if (onKind !== undefined) setup.defer(onKind((kind) => isCounted(kind) && setup.watch(watchOf(kind, quotas))));
      return {
        watches: [watching({ kind: ResourceQuota, keys: (quota, old) => (old === undefined || !equalJson(quota.spec, old.spec) ? [keyOf(quota)] : []) }), ...watches],
        reconcile: (key, context) => reconcile(key, context, quotas, seen, kinds),
      };
    },
  };
}

/** Only objects that give something back matter: what is added was charged before. */
function watchOf(kind: KindDefinition, quotas: Lister<ResourceQuota>): ControllerWatch<never> {
  return watching({
    kind,
    keys: (object: KubeObject, old, deleted) => {
      const here = quotas.list(object.metadata.namespace);
      if (here.length === 0 || !(deleted || (old !== undefined && gaveBack(kind, object, old)))) return [];
      return here.filter((quota) => isCountedBy(kind, quota.spec.hard ?? {})).map(keyOf);
    },
  });
}

function gaveBack(kind: KindDefinition, object: KubeObject, old: KubeObject): boolean {
  if (kind.group !== '') return false;
  if (kind.plural === 'pods') return isPodTerminal(object as Pod) && !isPodTerminal(old as Pod);
  if (kind.plural !== 'services' && kind.plural !== 'persistentvolumeclaims') return false;
  const [now, before] = [usageOf(kind, object, 0), usageOf(kind, old, 0)];
  return Object.keys(before).some((name) => (now[name] ?? 0) < (before[name] as number));
}

interface Seen {
  readonly quota: ResourceQuota;
  /** Monotonic milliseconds. */
  readonly at: number;
}

async function reconcile(key: ObjectKey, context: ReconcileContext, quotas: Lister<ResourceQuota>, seen: Map<ObjectKey, Seen>, kinds: QuotaControllerOptions['kinds']): Promise<ReconcileResult> {
  const { client, clock } = context;
  const quota = quotas.get(key);
  if (quota === undefined) {
    seen.delete(key);
    return;
  }
  const before = seen.get(key);
  if (!equalJson(quota.spec.hard ?? {}, quota.status?.hard ?? {})) {
    // New limits hold from now on; what they count for the first time nobody has charged to them yet.
    await write(client, quota, planRecount(quota, undefined, await count(client, quota, kinds, clock.now())));
    seen.delete(key);
    return { againAfterMs: SETTLE_MS };
  }
  if (before === undefined) seen.set(key, { quota, at: clock.monotonic() });
  const wait = before === undefined ? SETTLE_MS : SETTLE_MS - (clock.monotonic() - before.at);
  if (before === undefined || wait > 0) return { againAfterMs: wait };
  seen.delete(key);
  await write(client, quota, planRecount(quota, before.quota, await count(client, quota, kinds, clock.now())));
  // What was charged while it settled may be counted twice now: the next count finds out.
  const isExact = equalJson(quota.status?.used ?? {}, before.quota.status?.used ?? {});
  return { againAfterMs: isExact ? RECOUNT_MS : SETTLE_MS };
}

/** Under the version that was seen: what was charged meanwhile is not lost. */
async function write(client: Client, quota: ResourceQuota, status: NonNullable<ResourceQuota['status']>): Promise<void> {
  if (!equalJson(status, quota.status)) await goneIsFine(client.kind(ResourceQuota).updateStatus({ ...quota, status }));
}

/** From the store, at a revision that has everything that was charged before. */
async function count(client: Client, quota: ResourceQuota, kinds: QuotaControllerOptions['kinds'], now: number): Promise<Amounts> {
  const total = noAmounts();
  const { namespace } = quota.metadata;
  for (const kind of kinds()) {
    if (!kind.namespaced || !isCountedBy(kind, quota.spec.hard ?? {})) continue;
    const { items } = await client.kind(kind).list({ namespace });
    for (const object of items) if (isInScope(quota.spec, kind, object)) addUsage(total, usageOf(kind, object, now));
  }
  return total;
}
