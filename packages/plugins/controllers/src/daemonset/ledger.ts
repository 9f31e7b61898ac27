import type { NodeState } from './node-state.js';

/** What all nodes come to. */
export interface Totals {
  desired: number;
  scheduled: number;
  misscheduled: number;
  ready: number;
  available: number;
  updated: number;
  /** For updates without surge: nodes where no pod is available, or that are about to change anyway. */
  down: number;
  /** For updates with surge: nodes with a new pod that is awaited beside the old one. */
  surging: number;
  /** Nodes where the old pod, or else the new one, is available. */
  serving: number;
}

/** Nodes by what can be done there next. The names are in the order in which they came. */
export interface Groups {
  readonly needs: Set<string>;
  readonly removals: Set<string>;
  /** With only an old pod, which is not available. */
  readonly oldDown: Set<string>;
  /** With only an old pod, which is available, where one should be. */
  readonly oldUp: Set<string>;
  /** The same where none should be, though one that is there may stay. */
  readonly oldUnwanted: Set<string>;
  /** With an available new pod beside the old one. */
  readonly replaced: Set<string>;
}

/** The states of all nodes of a DaemonSet, added up as they change, so that a change of one node costs what one node costs. */
export class NodeLedger {
  readonly totals: Totals = { desired: 0, scheduled: 0, misscheduled: 0, ready: 0, available: 0, updated: 0, down: 0, surging: 0, serving: 0 };
  readonly groups: Groups = { needs: new Set(), removals: new Set(), oldDown: new Set(), oldUp: new Set(), oldUnwanted: new Set(), replaced: new Set() };
  readonly #states = new Map<string, NodeState>();
  /** When nodes are to be judged again; few are at any time. */
  readonly #due = new Map<string, number>();

  /** Nodes with a state. */
  get size(): number {
    return this.#states.size;
  }

  /** The state of a node, if there is anything to say of it. */
  get(name: string): NodeState | undefined {
    return this.#states.get(name);
  }

  /** Replaces the state of a node. */
  put(name: string, state: NodeState | undefined): void {
    const before = this.#states.get(name);
    if (before !== undefined) this.#count(before, -1);
    if (state === undefined) this.#states.delete(name);
    else {
      this.#states.set(name, state);
      this.#count(state, 1);
    }
    this.#group(name, state);
    if (state === undefined || state.dueAt === Infinity) this.#due.delete(name);
    else this.#due.set(name, state.dueAt);
  }

  /** Nodes that are to be judged again by now. */
  dueBy(now: number): readonly string[] {
    return [...this.#due].filter(([, at]) => at <= now).map(([name]) => name);
  }

  /** When the next node is to be judged again; Infinity when none is. */
  nextDue(): number {
    let next = Infinity;
    for (const at of this.#due.values()) next = Math.min(next, at);
    return next;
  }

  #count(state: NodeState, by: 1 | -1): void {
    const { totals } = this;
    const { roll } = state;
    if (state.desired) totals.desired += by;
    if (state.scheduled && state.desired) totals.scheduled += by;
    if (state.scheduled && !state.desired) totals.misscheduled += by;
    if (state.ready) totals.ready += by;
    if (state.available) totals.available += by;
    if (state.updated) totals.updated += by;
    if (roll === undefined) return;
    const serves = 'available' in roll && roll.available;
    if (serves) totals.serving += by;
    if (!serves || roll.stage === 'both') totals.down += by;
    if (roll.stage === 'crowded' || (roll.stage === 'both' && !roll.newAvailable)) totals.surging += by;
  }

  #group(name: string, state: NodeState | undefined): void {
    const { groups } = this;
    const roll = state?.roll;
    const old = roll?.stage === 'old';
    place(groups.needs, name, state?.needs === true);
    place(groups.removals, name, (state?.removals.length ?? 0) > 0);
    place(groups.oldDown, name, old && !roll.available);
    place(groups.oldUp, name, old && roll.available && state?.desired === true);
    place(groups.oldUnwanted, name, old && roll.available && state?.desired !== true);
    place(groups.replaced, name, roll?.stage === 'both' && roll.newAvailable);
  }
}

function place(group: Set<string>, name: string, belongs: boolean): void {
  if (belongs) group.add(name);
  else group.delete(name);
}
