import { expect } from 'vitest';
import { type Chance, chanceOf } from './course.js';
import { type ModelApi, ModelCaches } from './model-api.js';

/** One write that a plan comes to. */
export interface Write {
  /** The kind that is written. */
  readonly kind: string;
  /** False: the server refuses it, and what comes after it is not done. */
  write(): boolean;
}

/** A controller as far as its plans go, and the rest of its world. */
export interface ModelWorld {
  readonly api: ModelApi;
  /** The kinds that the controller has caches of. */
  readonly kinds: readonly string[];
  /** One look by what the caches show: the writes it comes to. Throws when the plan breaks a promise. */
  look(caches: ModelCaches): readonly Write[];
  /** Something happens that is not the controller's doing. */
  happen(chance: Chance): void;
  /** Everybody else does what is left to do; writes nothing when there is none. */
  others(): void;
  /** Rounds, of a second each, in which nothing happens though something is waited for; 1 unless told. */
  readonly patience?: number;
  /** Throws when a promise is broken that must hold at every moment. */
  always?(): void;
}

/** Rounds after which a world must have come to rest. */
const ROUNDS = 300;
/** Most revisions by which the first lists of a new process are old. */
const LAG = 6;

/**
 * Puts a world through its troubles, as Sieve does: plans made from the past (each cache hears in its own time, but never misses what its own process wrote), plans of which a
 * part is carried out before the process dies, and changes that nobody sees one by one. `staleStarts`: the first lists of a new process are old as well.
 */
export function endure(world: ModelWorld, course: readonly (readonly [number, number])[], { staleStarts }: { readonly staleStarts: boolean }): void {
  const caches = new ModelCaches(world.api, world.kinds, world.api.revision);
  for (const [what, seed] of course) {
    const chance = chanceOf(seed);
    world.api.now += chance(3) * 1_000;
    if (what < 4) carryOut(world, caches);
    else if (what < 6) world.happen(chance);
    else if (what < 7) for (let i = 0; i < 4; i += 1) world.happen(chance);
    else if (what < 8) world.others();
    else if (what < 9) caches.hear(chance);
    else {
      carryOut(world, caches, chance(4));
      caches.restart(() => (staleStarts ? chance(LAG) : 0));
    }
    world.always?.();
  }
}

/** Troubles are over: the world must come to rest, and from then on nothing may be planned. */
export function settle(world: ModelWorld): void {
  const caches = new ModelCaches(world.api, world.kinds);
  let quiet = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    world.api.now += 1_000;
    const before = world.api.revision;
    carryOut(world, caches);
    world.others();
    world.always?.();
    caches.restart(() => 0);
    quiet = world.api.revision === before ? quiet + 1 : 0;
    if (quiet < (world.patience ?? 1)) continue;
    expect(world.look(caches)).toEqual([]);
    return;
  }
  throw new Error('It does not settle.');
}

function carryOut(world: ModelWorld, caches: ModelCaches, most = Infinity): void {
  let done = 0;
  for (const { kind, write } of world.look(caches)) {
    if (done >= most || !write()) return;
    caches.sees(kind, world.api.revision);
    world.always?.();
    done += 1;
  }
}
