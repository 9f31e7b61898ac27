import { OrreryError } from '../kernel/errors.js';
import type { GroupVersionKind, KindDefinition } from './kind.js';
import type { KubeObject } from './object.js';

/** The kinds an orchestrator knows. Kinds can be added while it runs; none can be taken away. */
export class KindRegistry {
  readonly #listeners = new Set<(kind: KindDefinition) => void>();
  readonly #byKind = new Map<string, KindDefinition>();
  readonly #byResource = new Map<string, KindDefinition>();
  readonly #byName = new Map<string, KindDefinition>();

  constructor(kinds: Iterable<KindDefinition> = []) {
    for (const kind of kinds) this.add(kind);
  }

  /** Adds a kind. Throws `ALREADY_EXISTS` when its kind or its plural is taken in its group; the registry is then as before. */
  add<T extends KubeObject>(kind: KindDefinition<T>): void {
    const definition = kind as unknown as KindDefinition;
    const kindKey = keyOfKind(kind.apiVersion, kind.kind);
    const resourceKey = keyOfResource(kind.group, kind.plural);
    const taken = this.#byKind.get(kindKey) ?? this.#byResource.get(resourceKey);
    if (taken !== undefined) {
      throw new OrreryError('ALREADY_EXISTS', `The kind ${kind.kind} of ${kind.apiVersion} (${kind.plural}) meets ${taken.kind} of ${taken.apiVersion} (${taken.plural}).`);
    }
    this.#byKind.set(kindKey, definition);
    this.#byResource.set(resourceKey, definition);
    // The first to come keeps a short name, as in kubectl; the full name `plural.group` always works.
    for (const name of [kind.plural, kind.singular, kind.kind.toLowerCase(), ...kind.shortNames]) {
      if (!this.#byName.has(name)) this.#byName.set(name, definition);
    }
  }

  /** By `apiVersion` and `kind`, or by group, version and kind. */
  byKind(apiVersion: string, kind: string): KindDefinition | undefined;
  byKind(kind: GroupVersionKind): KindDefinition | undefined;
  byKind(first: string | GroupVersionKind, kind = ''): KindDefinition | undefined {
    if (typeof first === 'string') return this.#byKind.get(keyOfKind(first, kind));
    return this.#byKind.get(keyOfKind(first.group === '' ? first.version : `${first.group}/${first.version}`, first.kind));
  }

  /** By group and plural name. */
  byResource(group: string, plural: string): KindDefinition | undefined {
    return this.#byResource.get(keyOfResource(group, plural));
  }

  /** By what people type: `po`, `pod`, `pods`, `Pod`, `deployments.apps`. */
  resolve(name: string): KindDefinition | undefined {
    const lower = name.toLowerCase();
    const plain = this.#byName.get(lower);
    if (plain !== undefined) return plain;
    const dot = lower.indexOf('.');
    if (dot < 0) return undefined;
    const [head, group] = [lower.slice(0, dot), lower.slice(dot + 1)];
    return this.list().find((kind) => kind.group === group && [kind.plural, kind.singular, ...kind.shortNames].includes(head));
  }

  /** Tells that a kind which was added can be used from now on. */
  announce(kind: KindDefinition): void {
    for (const listener of [...this.#listeners]) listener(kind);
  }

  /** Told of each kind that can be used from now on. Must not throw. Returns its removal. */
  onAnnounced(listener: (kind: KindDefinition) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** All kinds, in the order in which they were added. */
  list(): readonly KindDefinition[] {
    return [...this.#byKind.values()];
  }
}

const keyOfKind = (apiVersion: string, kind: string): string => `${apiVersion} ${kind}`;
const keyOfResource = (group: string, plural: string): string => `${group}/${plural}`;
