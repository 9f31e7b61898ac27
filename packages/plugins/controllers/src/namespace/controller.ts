import {
  type Admission,
  type Client,
  type Controller,
  type ControllerSetup,
  errorMessage,
  type KindDefinition,
  Namespace,
  type ObjectKey,
  Pod,
  type ReconcileContext,
  type ReconcileResult,
  watching,
} from '@orrery/core';
import { goneIsFine } from '../shared/claim.js';
import { type ContentFailure, type Remainder, withProgress } from './conditions.js';

/** Keeps a namespace until its content is gone (core/v1 FinalizerKubernetes). */
export const KUBERNETES = 'kubernetes';

/** Options of the namespace controller. */
export interface NamespaceControllerOptions {
  /** The kinds whose objects are deleted; asked for each namespace that ends. */
  readonly kinds: () => Iterable<KindDefinition>;
  /** How often to look whether something that had to end first is gone, milliseconds; default 5,000. */
  readonly pollMs?: number;
  /** Namespaces worked on at the same time; default 10, as in kube-controller-manager. */
  readonly workers?: number;
}

/** Empties a namespace that is being deleted, pods first, says what it waits for, and lets it go. */
export function namespaceController(options: NamespaceControllerOptions): Controller {
  const { kinds, pollMs = 5_000, workers = 10 } = options;
  return {
    name: 'namespace',
    workers,
    start: (setup: ControllerSetup) => {
      const namespaces = setup.informer(Namespace);
      const ending = (name: string | undefined): readonly ObjectKey[] =>
        name !== undefined && namespaces.lister.get(name)?.metadata.deletionTimestamp !== undefined ? [name] : [];
      return {
        watches: [
          watching({ kind: Namespace, keys: ({ metadata }) => ending(metadata.name) }),
          watching({ kind: Pod, keys: ({ metadata }, _old, deleted) => (deleted ? ending(metadata.namespace) : []) }),
        ],
        reconcile: (key, context) => reconcile(namespaces.lister.get(key), context, kinds, pollMs),
      };
    },
  };
}

/** Gives every new namespace the finalizer that {@link namespaceController} works off, as the API server does; without the controller nothing would. */
export const namespaceFinalizer: Admission = {
  name: 'NamespaceFinalizer',
  handles: ({ operation, kind }) => operation === 'CREATE' && kind.kind === Namespace.kind && kind.group === '',
  mutate: ({ object }) => {
    const { spec } = object as Namespace;
    if (!(spec.finalizers ?? []).includes(KUBERNETES)) spec.finalizers = [...(spec.finalizers ?? []), KUBERNETES];
  },
};

async function reconcile(namespace: Namespace | undefined, context: ReconcileContext, kinds: () => Iterable<KindDefinition>, pollMs: number): Promise<ReconcileResult> {
  const finalizers = namespace?.spec.finalizers ?? [];
  if (namespace?.metadata.deletionTimestamp === undefined || !finalizers.includes(KUBERNETES)) return;
  const { client, clock } = context;
  const { name = '', uid, resourceVersion } = namespace.metadata;
  const content = [...kinds()].filter((kind) => kind.namespaced);
  const isPod = (kind: KindDefinition): boolean => kind.kind === Pod.kind && kind.group === '';
  const failures: ContentFailure[] = [];
  // Pods may still read what else is in the namespace: it goes after them (KEP 5080).
  let left = await empty(client, name, content.filter(isPod), failures);
  if (left.length === 0 && failures.length === 0) left = await empty(client, name, content.filter((kind) => !isPod(kind)), failures);

  const told = withProgress(namespace, left, failures, clock.now());
  if (told !== namespace) await client.kind(Namespace).updateStatus(told);
  if (failures.length > 0) throw new Error(`namespace ${name}: ${failures.map(({ resource, message }) => `${resource}: ${message}`).join('; ')}`);
  if (left.length > 0) return { againAfterMs: pollMs };
  // Having told is a new version of it; the finalizer goes at the next look, which that brings about.
  if (told !== namespace) return;
  const body = { metadata: { uid, resourceVersion }, spec: { finalizers: finalizers.filter((finalizer) => finalizer !== KUBERNETES) } };
  await goneIsFine(client.kind(Namespace).patch({ name }, 'merge', body, { subresource: 'finalize' }));
}

/** Deletes all objects of these kinds and says what is left. A kind that fails does not keep the others. */
async function empty(client: Client, namespace: string, kinds: readonly KindDefinition[], failures: ContentFailure[]): Promise<Remainder[]> {
  const left: Remainder[] = [];
  for (const kind of kinds) {
    const verbs = client.kind(kind);
    const resource = kind.group === '' ? `${kind.plural}.` : `${kind.plural}.${kind.group}`;
    try {
      const found = await verbs.list({ namespace });
      if (found.items.length === 0) continue;
      if (found.items.some(({ metadata }) => metadata.deletionTimestamp === undefined)) await verbs.deleteCollection({ namespace, deletion: { propagationPolicy: 'Background' } });
      const { items } = await verbs.list({ namespace });
      if (items.length === 0) continue;
      const finalizers = new Map<string, number>();
      for (const { metadata } of items) for (const finalizer of metadata.finalizers ?? []) finalizers.set(finalizer, (finalizers.get(finalizer) ?? 0) + 1);
      left.push({ resource, count: items.length, finalizers });
    } catch (error) {
      failures.push({ resource, message: errorMessage(error) });
    }
  }
  return left;
}
