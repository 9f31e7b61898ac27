import { equalJson, type KubeObject, timeOfMillis } from '@orrery/core';
import type { Chance } from './course.js';

type Objects = ReadonlyMap<string, KubeObject>;
type WithSpec = KubeObject & { readonly spec?: unknown };

/**
 * The objects of one namespace as a server keeps them: names are taken once, writes hold for the version that was read, what has finalizers waits for them.
 * Every write makes a new state, and all states are kept, so that somebody may look at an older one. Small and in step; for property tests of plans.
 */
export class ModelApi {
  /** Milliseconds since the epoch. */
  now = Date.UTC(2026, 0, 1);
  readonly #states: Objects[] = [new Map()];
  #serial = 0;

  get revision(): number {
    return this.#states.length - 1;
  }

  /** The objects of a kind, as they were at a revision. */
  list<T extends KubeObject>(kind: string, at: number = this.revision): readonly T[] {
    return [...(this.#states[at] as Objects).values()].filter((object) => object.kind === kind) as T[];
  }

  get<T extends KubeObject>(kind: string, name: string, at: number = this.revision): T | undefined {
    return (this.#states[at] as Objects).get(`${kind} ${name}`) as T | undefined;
  }

  /** The object as it then is; undefined: its name is taken. */
  create<T extends KubeObject>(object: T): T | undefined {
    const serial = (this.#serial += 1);
    const { generateName = '', name = `${generateName}${serial}` } = object.metadata;
    if (this.get(object.kind, name) !== undefined) return undefined;
    return this.#put({ ...object, metadata: { ...object.metadata, name, namespace: 'default', uid: `uid-${serial}`, generation: 1, creationTimestamp: timeOfMillis(this.now) } });
  }

  /** Under the version that was read. False: it is gone, or somebody else wrote it. */
  update(object: KubeObject): boolean {
    const { name = '', resourceVersion } = object.metadata;
    const present = this.get(object.kind, name);
    if (present === undefined || present.metadata.resourceVersion !== resourceVersion) return false;
    if (equalJson(present, object)) return true;
    const changed = !equalJson((present as WithSpec).spec ?? {}, (object as WithSpec).spec ?? {});
    const { generation = 0 } = present.metadata;
    this.#put({ ...object, metadata: { ...object.metadata, generation: changed ? generation + 1 : generation } });
    return true;
  }

  /** Whatever version it has; what is gone stays gone. */
  change<T extends KubeObject>({ kind, metadata: { name = '', uid } }: T, changed: (object: T) => T): void {
    const present = this.get<T>(kind, name);
    if (present !== undefined && present.metadata.uid === uid) this.update(changed(present));
  }

  /** Deletes this very object: at once, or, when finalizers or a grace period hold it, it is being deleted from then on. False: another version was meant. */
  remove({ kind, metadata: { name = '', uid } }: KubeObject, { grace = false, finalizer, version }: { readonly grace?: boolean; readonly finalizer?: string | undefined; readonly version?: string | undefined } = {}): boolean {
    const present = this.get(kind, name);
    if (present === undefined || present.metadata.uid !== uid) return true;
    if (version !== undefined && present.metadata.resourceVersion !== version) return false;
    const finalizers = [...new Set([...(present.metadata.finalizers ?? []), ...(finalizer === undefined ? [] : [finalizer])])];
    if (present.metadata.deletionTimestamp !== undefined && equalJson(finalizers, present.metadata.finalizers ?? [])) return true;
    const deletionGracePeriodSeconds = grace ? 30 : 0;
    this.#put({ ...present, metadata: { ...present.metadata, deletionGracePeriodSeconds, deletionTimestamp: timeOfMillis(this.now), ...(finalizers.length > 0 && { finalizers }) } });
    return true;
  }

  /** What was being deleted with a grace period is gone, as far as finalizers let it. */
  end(object: KubeObject): void {
    this.change(object, (present) => (present.metadata.deletionTimestamp === undefined ? present : { ...present, metadata: { ...present.metadata, deletionGracePeriodSeconds: 0 } }));
  }

  #put<T extends KubeObject>(object: T): T {
    const objects = new Map(this.#states.at(-1));
    const { deletionTimestamp, finalizers = [], deletionGracePeriodSeconds = 0 } = object.metadata;
    const written = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.revision + 1) } };
    const key = `${object.kind} ${object.metadata.name}`;
    if (deletionTimestamp !== undefined && finalizers.length === 0 && deletionGracePeriodSeconds === 0) objects.delete(key);
    else objects.set(key, written);
    this.#states.push(objects);
    return written;
  }
}

/** What the caches of one process show: each kind up to a revision of its own. */
export class ModelCaches {
  readonly #seen = new Map<string, number>();

  constructor(
    readonly api: ModelApi,
    readonly kinds: readonly string[],
    /** No list is older than this: what the world began with, everybody knows. */
    readonly since = 0,
  ) {
    this.restart(() => 0);
  }

  list<T extends KubeObject>(kind: string): readonly T[] {
    return this.api.list<T>(kind, this.#seen.get(kind));
  }

  get<T extends KubeObject>(kind: string, name: string): T | undefined {
    return this.api.get<T>(kind, name, this.#seen.get(kind));
  }

  /** A new process: its first lists are so many revisions old, each by a number of its own. */
  restart(lag: () => number): void {
    for (const kind of this.kinds) this.#seen.set(kind, Math.max(this.since, this.api.revision - lag()));
  }

  /** Each hears some more, or nothing. */
  hear(chance: Chance): void {
    for (const kind of this.kinds) {
      const seen = this.#seen.get(kind) ?? 0;
      this.#seen.set(kind, seen + chance(this.api.revision - seen + 1));
    }
  }

  /** What the process itself wrote, it sees before it looks again. */
  sees(kind: string, revision: number): void {
    this.#seen.set(kind, Math.max(this.#seen.get(kind) ?? 0, revision));
  }
}
