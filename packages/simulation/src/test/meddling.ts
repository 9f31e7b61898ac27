import type { Client, Controller, KindClient, KubeObject } from '@orrery/core';

/** Members of a client of one kind that are to be others. */
export type Meddle = (resource: string, verbs: KindClient<KubeObject>) => Partial<KindClient<KubeObject>>;

/** All verbs of a client of one kind, with these instead of its own. */
export function withVerbs<T extends KubeObject>(verbs: KindClient<T>, others: Partial<KindClient<T>>): KindClient<T> {
  return new Proxy(verbs, {
    get: (target, name) => {
      const other = Reflect.get(others, name) as unknown;
      const member = other ?? (Reflect.get(target, name) as unknown);
      return typeof member === 'function' ? (member.bind(other === undefined ? target : others) as unknown) : member;
    },
  });
}

/** A controller that does all it does through a client that somebody meddles with. */
export function meddled(controller: Controller, meddle: Meddle): Controller {
  const wrapped = (client: Client): Client => ({
    kind: (kind) => withVerbs(client.kind(kind), meddle(kind.plural, client.kind(kind) as unknown as KindClient<KubeObject>) as object),
    apply: (...given) => client.apply(...given),
    bind: (...given) => client.bind(...given),
    evict: (...given) => client.evict(...given),
  });
  return {
    ...controller,
    start: (setup) => {
      const parts = controller.start(setup);
      return { ...parts, reconcile: (key, context) => parts.reconcile(key, { ...context, client: wrapped(context.client) }) };
    },
  };
}
