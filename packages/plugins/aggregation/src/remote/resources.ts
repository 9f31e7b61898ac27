import type { Clock, ForwardTarget } from '@orrery/core';
import { askServer } from './ask.js';

/** How long what a server said that it serves counts. */
const FRESH_MS = 30_000;
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

/** What servers behind the front door say that they serve, asked for when it is wanted and not known for long. */
export class RemoteResources {
  readonly #known = new Map<string, { readonly at: number; readonly answer: Promise<readonly object[]> }>();

  constructor(private readonly clock: Pick<Clock, 'monotonic'>) {}

  /** In the form of aggregated discovery. Rejects when the server does not say. */
  of(group: string, version: string, target: () => ForwardTarget): Promise<readonly object[]> {
    const key = `${version}.${group}`;
    const now = this.clock.monotonic();
    const known = this.#known.get(key);
    if (known !== undefined && now - known.at < FRESH_MS) return known.answer;
    const answer = (async () => ask(group, version, target()))();
    this.#known.set(key, { at: now, answer });
    // The next who asks tries again.
    answer.catch(() => this.#known.delete(key));
    return answer;
  }

  forget(): void {
    this.#known.clear();
  }
}

async function ask(group: string, version: string, target: ForwardTarget): Promise<readonly object[]> {
  const { code, text } = await askServer(target, `/apis/${group}/${version}`, { accept: 'application/json' });
  if (code !== 200) throw new Error(`it answered with ${code}`);
  const { resources } = JSON.parse(text) as { readonly resources?: unknown };
  if (!Array.isArray(resources) || resources.length > MAX_RESOURCES) throw new Error('its answer is no APIResourceList');
  return discoveryOf(resources as readonly Listed[], { group, version });
}

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
