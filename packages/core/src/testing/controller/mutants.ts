import type { ReplicatorFlaw } from './replicator.js';

/** A deliberately broken controller. */
export interface ControllerMutant {
  readonly flaw: ReplicatorFlaw;
  /** A case that must fail on it. */
  readonly caughtBy: string;
}

/** Each must be caught by the named case; together they show that the suite bites. */
export const controllerMutants: readonly ControllerMutant[] = [
  { flaw: 'hoarding', caughtBy: 'brings about what is declared, and follows every change' },
  { flaw: 'restless', caughtBy: 'brings about what is declared, and follows every change' },
  { flaw: 'ticking', caughtBy: 'is quiet at rest: an hour without a change is an hour without a write' },
  { flaw: 'greeting', caughtBy: 'is idempotent: a restart that finds everything done writes nothing' },
  { flaw: 'event-driven', caughtBy: 'is level-triggered: what changed while it was away is made good' },
  { flaw: 'one cause an event', caughtBy: 'is level-triggered: events that were lost are made good by the next list' },
  { flaw: 'forgets conflicts', caughtBy: 'survives conflicts: a refused write is decided about anew' },
  { flaw: 'does not wait', caughtBy: 'survives a stale cache: what it wrote and cannot see yet is not written again' },
  { flaw: 'notes too early', caughtBy: 'survives being killed after any write' },
  { flaw: 'hot', caughtBy: 'does not try hot: refusals are met with back-off, and the end of them with work' },
  { flaw: 'greedy', caughtBy: 'leaves alone what belongs to others' },
];
