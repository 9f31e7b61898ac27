import { OrreryError } from '../kernel/errors.js';
import type { GroupVersionKind, KindDefinition } from './kind.js';
import type { KubeObject } from './object.js';

/** A resource, whatever its versions are. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

/** The kinds an orchestrator knows. Kinds can be added, exchanged and taken away while it runs. */
export class KindRegistry {
  readonly #announced = new Set<(kind: KindDefinition) => void>();
  readonly #withdrawn = new Set<(kind: KindDefinition) => void>();
  #kinds: readonly KindDefinition[] = [];
  readonly #byKind = new Map<string, KindDefinition>();
  /** The versions of a resource, the preferred one first. */
  readonly #byResource = new Map<string, readonly KindDefinition[]>();
  readonly #byName = new Map<string, KindDefinition>();

  constructor(kinds: Iterable<KindDefinition> = []) {
    for (const kind of kinds) this.add(kind);
  }

  /** Adds a kind. Throws `ALREADY_EXISTS` when its kind or its plural is taken in its group; the registry is then as before. */
  add<T extends KubeObject>(kind: KindDefinition<T>): void {
    const definition = kind as unknown as KindDefinition;
    const taken = this.#byKind.get(keyOfKind(kind.apiVersion, kind.kind)) ?? this.#byResource.get(keyOfResource(kind))?.[0];
    if (taken !== undefined) throw meets(definition, taken);
    this.#set([...this.#kinds, definition]);
  }

  /**
   * From now on these are the versions of a resource, the preferred one first; none: there is no such resource. Answers the definitions that are not there any more.
   * Throws `ALREADY_EXISTS` when another resource has the name of one of the kinds, RangeError when one is of another resource or a version comes twice; the registry is then as before.
   */
  offer(at: ResourceName, kinds: readonly KindDefinition[]): readonly KindDefinition[] {
    const before = this.#byResource.get(keyOfResource(at)) ?? [];
    if (kinds.some((kind) => keyOfResource(kind) !== keyOfResource(at))) throw new RangeError(`not all of these kinds are ${at.plural} of ${at.group}`);
    if (new Set(kinds.map(({ version }) => version)).size < kinds.length) throw new RangeError(`a version of ${at.plural} comes twice`);
    for (const kind of kinds) {
      const taken = this.#byKind.get(keyOfKind(kind.apiVersion, kind.kind));
      if (taken !== undefined && !before.includes(taken)) throw meets(kind, taken);
    }
    const others = this.#kinds.filter((kind) => !before.includes(kind));
    const place = before[0] === undefined ? others.length : this.#kinds.indexOf(before[0]);
    this.#set([...others.slice(0, place), ...kinds, ...others.slice(place)]);
    return before.filter((kind) => !kinds.includes(kind));
  }

  /** By `apiVersion` and `kind`, or by group, version and kind. */
  byKind(apiVersion: string, kind: string): KindDefinition | undefined;
  byKind(kind: GroupVersionKind): KindDefinition | undefined;
  byKind(first: string | GroupVersionKind, kind = ''): KindDefinition | undefined {
    if (typeof first === 'string') return this.#byKind.get(keyOfKind(first, kind));
    return this.#byKind.get(keyOfKind(first.group === '' ? first.version : `${first.group}/${first.version}`, first.kind));
  }

  /** By group and plural name; of several versions the preferred one, unless another is asked for. */
  byResource(group: string, plural: string, version?: string): KindDefinition | undefined {
    const versions = this.#byResource.get(keyOfResource({ group, plural }));
    return version === undefined ? versions?.[0] : versions?.find((kind) => kind.version === version);
  }

  /** By what people type: `po`, `pod`, `pods`, `Pod`, `deployments.apps`. */
  resolve(name: string): KindDefinition | undefined {
    const lower = name.toLowerCase();
    const plain = this.#byName.get(lower);
    if (plain !== undefined) return plain;
    const dot = lower.indexOf('.');
    if (dot < 0) return undefined;
    const [head, group] = [lower.slice(0, dot), lower.slice(dot + 1)];
    return this.#kinds.find((kind) => kind.group === group && [kind.plural, kind.singular, ...kind.shortNames].includes(head));
  }

  /** Tells that a kind can be used from now on. */
  announce(kind: KindDefinition): void {
    for (const listener of [...this.#announced]) listener(kind);
  }

  /** Told of each resource that can be used from now on, by its preferred version. Must not throw. Returns its removal. */
  onAnnounced(listener: (kind: KindDefinition) => void): () => void {
    this.#announced.add(listener);
    return () => void this.#announced.delete(listener);
  }

  /** Tells that a version of a resource is served no more. */
  withdraw(kind: KindDefinition): void {
    for (const listener of [...this.#withdrawn]) listener(kind);
  }

  /** Told of each version of a resource that is served no more. Must not throw. Returns its removal. */
  onWithdrawn(listener: (kind: KindDefinition) => void): () => void {
    this.#withdrawn.add(listener);
    return () => void this.#withdrawn.delete(listener);
  }

  /** All kinds, in the order in which they were added. The same list until something changes. */
  list(): readonly KindDefinition[] {
    return this.#kinds;
  }

  #set(kinds: readonly KindDefinition[]): void {
    this.#kinds = Object.freeze(kinds);
    for (const index of [this.#byKind, this.#byResource, this.#byName]) index.clear();
    for (const kind of kinds) {
      this.#byKind.set(keyOfKind(kind.apiVersion, kind.kind), kind);
      this.#byResource.set(keyOfResource(kind), [...(this.#byResource.get(keyOfResource(kind)) ?? []), kind]);
      // The first to come keeps a short name, as in kubectl; the full name `plural.group` always works.
      for (const name of [kind.plural, kind.singular, kind.kind.toLowerCase(), ...kind.shortNames]) {
        if (!this.#byName.has(name)) this.#byName.set(name, kind);
      }
    }
  }
}

const keyOfKind = (apiVersion: string, kind: string): string => `${apiVersion} ${kind}`;
const keyOfResource = ({ group, plural }: ResourceName): string => `${group}/${plural}`;
const meets = (kind: KindDefinition, taken: KindDefinition): OrreryError =>
  new OrreryError('ALREADY_EXISTS', `The kind ${kind.kind} of ${kind.apiVersion} (${kind.plural}) meets ${taken.kind} of ${taken.apiVersion} (${taken.plural}).`);
