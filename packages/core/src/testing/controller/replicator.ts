import type { Client } from '../../contracts/client.js';
import { type Controller, watching } from '../../contracts/controller.js';
import { ApiError } from '../../model/api-error.js';
import type { KindDefinition } from '../../model/kind.js';
import { ConfigMap } from '../../model/kinds/configmap.js';
import { controllerOf, keyOf, type ObjectKey } from '../../model/object.js';
import { millisOfTime } from '../../model/timestamp.js';
import { check } from '../suite.js';
import type { ControllerFixture } from './fixture.js';

/** What a broken replicator does wrong. */
export type ReplicatorFlaw =
  /** Writes every child at every look. */
  | 'restless'
  /** Writes once a minute, though nothing changed. */
  | 'ticking'
  /** Writes when it starts. */
  | 'greeting'
  /** Learns what is wanted from events, and believes that those of the first list are old. */
  | 'event-driven'
  /** Takes one cause from each event: size or text. */
  | 'one cause an event'
  /** Drops a write that met a conflict. */
  | 'forgets conflicts'
  /** Does not wait for its writes, and counts what the cache shows. */
  | 'does not wait'
  /** Notes that it has finished before it has. */
  | 'notes too early'
  /** Tries again at once. */
  | 'hot'
  /** Takes what has the right label for its own. */
  | 'greedy'
  /** Never removes what is too much. */
  | 'hoarding';

const LABEL = 'suite.example.com/parent';
const DONE = 'suite.example.com/done';

interface Wanted {
  readonly copies: number;
  readonly text: string;
}

/**
 * A small controller to try the suite on: a ConfigMap with `data.copies` gets so many ConfigMaps of its own, each with the parent's `data.text`.
 * Without a flaw it keeps every promise.
 */
export function replicator(flaw?: ReplicatorFlaw): Controller {
  return {
    name: 'replicator',
    start: (setup) => {
      const maps = setup.informer(ConfigMap).lister;
      const told = new Map<ObjectKey, Wanted>();
      let greeted = false;
      return {
        watches: [
          watching({
            kind: ConfigMap,
            keys: (map, old, deleted) => {
              const owner = controllerOf(map);
              if (!isParent(map)) return owner === undefined ? [] : [`${map.metadata.namespace}/${owner.name}`];
              if (!deleted) listen(flaw, told, map, old, setup.clock.now());
              return [keyOf(map)];
            },
          }),
        ],
        reconcile: async (key, { client, clock, signal }) => {
          const parent = maps.get(key);
          if (parent === undefined || !isParent(parent)) return;
          if (flaw === 'greeting' && !greeted) await note(client, parent, 'greeted', String(clock.now()));
          greeted = true;
          if (flaw === 'ticking') await note(client, parent, 'ticked', String(Math.floor(clock.now() / 60_000)));
          const children = maps.list().filter((map) => (flaw === 'greedy' ? map.metadata.labels?.[LABEL] === parent.metadata.name : controllerOf(map)?.uid === parent.metadata.uid));
          const wanted = flaw === 'event-driven' || flaw === 'one cause an event' ? (told.get(key) ?? { copies: children.length, text: children[0]?.data?.['text'] ?? '' }) : wantedBy(parent);
          for (;;) {
            try {
              await replicate(client, parent, children, wanted, flaw);
              break;
            } catch (error) {
              if (flaw === 'forgets conflicts' && ApiError.is(error, 'Conflict')) return;
              if (flaw !== 'hot') throw error;
              await clock.sleep(50, signal);
            }
          }
          if (flaw === 'ticking') return { againAfterMs: 60_000 };
          return flaw === 'does not wait' ? { againAfterMs: 300 } : undefined;
        },
      };
    },
  };
}

/** The ways of learning from events that a level-triggered controller does without. */
function listen(flaw: ReplicatorFlaw | undefined, told: Map<ObjectKey, Wanted>, map: ConfigMap, old: ConfigMap | undefined, now: number): void {
  const key = keyOf(map);
  const wanted = wantedBy(map);
  const known = told.get(key);
  const isNew = old !== undefined || (millisOfTime(map.metadata.creationTimestamp ?? '') ?? 0) > now - 2_000;
  if (flaw === 'event-driven' && isNew) told.set(key, wanted);
  if (flaw !== 'one cause an event') return;
  if (known === undefined) told.set(key, wanted);
  else if (known.copies !== wanted.copies) told.set(key, { ...known, copies: wanted.copies });
  else told.set(key, wanted);
}

const isParent = (map: ConfigMap): boolean => map.data?.['copies'] !== undefined;
const wantedBy = (parent: ConfigMap): Wanted => ({ copies: Number(parent.data?.['copies']), text: parent.data?.['text'] ?? '' });

async function note(client: Client, { metadata }: ConfigMap, name: string, value: string): Promise<void> {
  await client.kind(ConfigMap).patch({ namespace: metadata.namespace, name: metadata.name ?? '' }, 'merge', { metadata: { annotations: { [name]: value } } });
}

async function replicate(client: Client, parent: ConfigMap, children: readonly ConfigMap[], wanted: Wanted, flaw: ReplicatorFlaw | undefined): Promise<void> {
  const maps = client.kind(ConfigMap);
  const { namespace, name = '', annotations } = parent.metadata;
  if (flaw === 'notes too early') {
    const mark = `${wanted.copies} ${wanted.text}`;
    if (annotations?.[DONE] === mark) return;
    await note(client, parent, DONE, mark);
  }
  if (flaw === 'does not wait') {
    // Nobody learns what becomes of these; the next look counts what the cache shows by then.
    for (let i = children.length; i < wanted.copies; i++) void maps.create(childOf(parent, { generateName: `${name}-` }, wanted.text)).catch(() => 'nobody asks');
  }
  const named = new Map(children.map((child) => [child.metadata.name ?? '', child]));
  for (let i = 0; i < wanted.copies && flaw !== 'does not wait'; i++) {
    if (!named.has(`${name}-${i}`)) await maps.create(childOf(parent, { name: `${name}-${i}` }, wanted.text));
  }
  const surplus = flaw === 'does not wait' ? children.slice(wanted.copies) : children.filter(({ metadata }) => !isWithin(metadata.name ?? '', name, wanted.copies));
  for (const child of children) {
    if (surplus.includes(child)) continue;
    if (flaw === 'restless') await maps.update({ ...child, data: { text: wanted.text, looks: String(Number(child.data?.['looks'] ?? 0) + 1) } });
    else if (child.data?.['text'] !== wanted.text) await maps.update({ ...child, data: { text: wanted.text } });
  }
  if (flaw === 'hoarding') return;
  for (const { metadata } of surplus) await maps.delete({ namespace, name: metadata.name ?? '' });
}

function isWithin(child: string, parent: string, copies: number): boolean {
  const number = Number(child.slice(parent.length + 1));
  return child.startsWith(`${parent}-`) && Number.isInteger(number) && number < copies;
}

const childOf = (parent: ConfigMap, name: { readonly name: string } | { readonly generateName: string }, text: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    ...name,
    namespace: parent.metadata.namespace,
    labels: { [LABEL]: parent.metadata.name ?? '' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name: parent.metadata.name ?? '', uid: parent.metadata.uid ?? '', controller: true }],
  },
  data: { text },
});

const PARENT = { namespace: 'default', name: 'parent' } as const;
const STEPS: readonly Wanted[] = [
  { copies: 3, text: 'one' },
  { copies: 5, text: 'one' },
  { copies: 5, text: 'two' },
  { copies: 1, text: 'two' },
];

/** What the suite needs to know about {@link replicator}: a model of a fixture. */
export function replicatorFixture(flaw?: ReplicatorFlaw): ControllerFixture {
  const children = async (client: Client): Promise<readonly ConfigMap[]> => {
    const { uid } = (await client.kind(ConfigMap).get(PARENT)).metadata;
    return (await client.kind(ConfigMap).list({ namespace: 'default' })).items.filter((map) => controllerOf(map)?.uid === uid);
  };
  const declare = (client: Client, { copies, text }: Wanted): Promise<unknown> => client.kind(ConfigMap).patch(PARENT, 'merge', { data: { copies: String(copies), text } });
  return {
    controller: () => replicator(flaw),
    seed: async (client) => {
      const { copies, text } = STEPS[0] as Wanted;
      await client.kind(ConfigMap).create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: PARENT, data: { copies: String(copies), text } });
    },
    changes: STEPS.slice(1).map((step) => ({
      name: `${step.copies} copies of "${step.text}"`,
      run: async (client) => {
        await declare(client, step);
      },
    })),
    check: async (client, changes) => {
      const { copies, text } = STEPS[changes] as Wanted;
      check.equal((await children(client)).map(({ data }) => data?.['text']), Array(copies).fill(text), 'The children');
    },
    always: async (client) => {
      const most = Math.max(...STEPS.map(({ copies }) => copies));
      check.that((await children(client)).length <= most, `There are never more than ${most} children.`);
    },
    foreign: async (client) => {
      const lookalike = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name: 'parent-9', labels: { [LABEL]: 'parent' } }, data: { text: 'mine' } };
      return [{ kind: ConfigMap as unknown as KindDefinition, object: await client.kind(ConfigMap).create(lookalike) }];
    },
  };
}
