import { type Clock, errorMessage, type ForwardTarget, longLived } from '@orrery/core';
import { type AskOptions, askServer } from './ask.js';

/** How long what a server said that it serves counts. */
const FRESH_MS = 30_000;
/** How long it counts that it said nothing. */
const RETRY_MS = 5_000;
const MAX_RESOURCES = 10_000;

interface Listed {
  readonly name: string;
  readonly singularName?: string;
  readonly namespaced?: boolean;
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs?: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

/** What is known of one version of a group. */
interface Known {
  /** When it was last asked for; monotonic milliseconds. */
  at: number;
  /** What was said last. */
  resources?: readonly object[];
  /** Why nothing was said the last time. */
  failure?: Error;
  /** It is being asked for. */
  asking?: Promise<readonly object[]> | undefined;
}

/** What servers behind the front door say that they serve, asked for when it is wanted. Only who asks first waits for it: later it is told as it was known last, and asked for again beside that. */
export class RemoteResources {
  readonly #known = new Map<string, Known>();
  readonly #closing = longLived(new AbortController());

  /** @param clock by which it is known how old something is, and how long a server takes */
  constructor(private readonly clock: Pick<Clock, 'monotonic' | 'timer'>) {}

  /** In the form of aggregated discovery. Rejects when the server did not say the last time it was asked. */
  async of(group: string, version: string, target: () => ForwardTarget): Promise<readonly object[]> {
    const key = keyOf(group, version);
    const now = this.clock.monotonic();
    const known = this.#known.get(key);
    if (known === undefined) return this.#ask({ at: now }, key, async () => this.#asked(group, version, target()));
    const isFresh = now - known.at < (known.failure === undefined ? FRESH_MS : RETRY_MS);
    if (!isFresh && known.asking === undefined) {
      known.at = now;
      // Whether it fails is told to who asks next.
      this.#ask(known, key, async () => this.#asked(group, version, target())).catch(() => undefined);
    }
    if (known.failure !== undefined) throw known.failure;
    return known.resources ?? (known.asking as Promise<readonly object[]>);
  }

  /** What was said of a version counts no more. */
  forget(group: string, version: string): void {
    this.#known.delete(keyOf(group, version));
  }

  /** Waits for nobody any more. */
  close(): void {
    this.#closing.abort();
  }

  #asked(group: string, version: string, target: ForwardTarget): Promise<readonly object[]> {
    return ask(group, version, target, { accept: 'application/json', clock: this.clock, signal: this.#closing.signal });
  }

  #ask(known: Known, key: string, asked: () => Promise<readonly object[]>): Promise<readonly object[]> {
    this.#known.set(key, known);
    known.asking = (async () => {
      try {
        known.resources = await asked();
        delete known.failure;
        return known.resources;
      } catch (error) {
        known.failure = error instanceof Error ? error : new Error(errorMessage(error));
        throw error;
      } finally {
        known.asking = undefined;
      }
    })();
    return known.asking;
  }
}

const keyOf = (group: string, version: string): string => `${version}.${group}`;

async function ask(group: string, version: string, target: ForwardTarget, how: AskOptions): Promise<readonly object[]> {
  const { code, text } = await askServer(target, `/apis/${group}/${version}`, how);
  if (code !== 200) throw new Error(`it answered with ${code}`);
  const { resources } = JSON.parse(text) as { readonly resources?: unknown };
  if (!Array.isArray(resources) || resources.length > MAX_RESOURCES) throw new Error('its answer is no APIResourceList');
  return discoveryOf(resources.filter(isListed), { group, version });
}

/** What is no entry of such a list is left out: it would spoil discovery of everything else. */
const isListed = (one: unknown): one is Listed => typeof one === 'object' && one !== null && typeof (one as Listed).name === 'string' && typeof (one as Listed).kind === 'string';

/** An APIResourceList in the form of aggregated discovery. Pure. */
export function discoveryOf(resources: readonly Listed[], at: { readonly group: string; readonly version: string }): readonly object[] {
  const responseKind = ({ group, version, kind }: Listed): object => ({ group: group ?? at.group, version: version ?? at.version, kind });
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((one) => {
      const parts = resources.filter(({ name }) => name.startsWith(`${one.name}/`));
      return {
        resource: one.name,
        responseKind: responseKind(one),
        scope: one.namespaced === true ? 'Namespaced' : 'Cluster',
        singularResource: one.singularName ?? '',
        verbs: one.verbs ?? [],
        ...(one.shortNames !== undefined && { shortNames: one.shortNames }),
        ...(one.categories !== undefined && { categories: one.categories }),
        ...(parts.length > 0 && { subresources: parts.map((part) => ({ subresource: part.name.slice(one.name.length + 1), responseKind: responseKind(part), verbs: part.verbs ?? [] })) }),
      };
    });
}
