import type { KindDefinition, ServedKinds } from '@orrery/core';
import { doorKinds } from '../door-kinds.js';
import { isReview } from '../reviews/kinds.js';

const keyOf = (group: string, version: string): string => `${group}/${version}`;

/** Versions of groups that this server has itself, whatever others say: also reviews, by which it is told who may do what. Looks at all kinds only when they have changed. */
export class ServedHere {
  #kinds: readonly KindDefinition[] = [];
  #versions: ReadonlySet<string> = new Set();

  constructor(private readonly kinds: ServedKinds) {}

  has(group: string, version: string): boolean {
    const kinds = this.kinds.list();
    if (kinds !== this.#kinds) {
      this.#kinds = kinds;
      this.#versions = new Set([...kinds, ...doorKinds.filter(isReview)].map((kind) => keyOf(kind.group, kind.version)));
    }
    return this.#versions.has(keyOf(group, version));
  }
}
