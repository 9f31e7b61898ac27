import type { Client, KindDefinition, KubeObject, ObjectRef } from '@orrery/core';

/** Watches one object until the condition holds; gives its last state. Throws when that takes too long. */
export async function waitFor<T extends KubeObject>(client: Client, kind: KindDefinition<T>, ref: ObjectRef, condition: (object: T) => boolean, what: string, limitMs = 30_000): Promise<T> {
  const signal = AbortSignal.timeout(limitMs);
  const options = { namespace: ref.namespace ?? 'default', fieldSelector: `metadata.name=${ref.name}` };
  for await (const event of client.kind(kind).watch(options, signal)) {
    if (event.type !== 'BOOKMARK' && event.type !== 'DELETED' && condition(event.object)) return event.object;
  }
  throw new Error(`${what} was not seen within ${limitMs / 1000} s`);
}

/** Watches a selection until nothing of it is left. */
export async function waitForNone<T extends KubeObject>(client: Client, kind: KindDefinition<T>, labelSelector: string, limitMs = 30_000): Promise<void> {
  const left = new Set((await client.kind(kind).list({ namespace: 'default', labelSelector })).items.map(({ metadata }) => metadata.name));
  if (left.size === 0) return;
  for await (const event of client.kind(kind).watch({ namespace: 'default', labelSelector }, AbortSignal.timeout(limitMs))) {
    if (event.type === 'BOOKMARK') continue;
    if (event.type === 'DELETED') left.delete(event.object.metadata.name);
    else left.add(event.object.metadata.name);
    if (left.size === 0) return;
  }
  throw new Error(`${left.size} ${kind.plural} were still there after ${limitMs / 1000} s`);
}
