import { FlowHeap, type Placed } from './flow-heap.js';
import type { PriorityLevel } from './priority-levels.js';

/** How much a queue bears. */
export interface FairQueueBounds {
  /** Of all levels together. */
  readonly seats: number;
  /** Requests of one flow that may wait. */
  readonly queueLength: number;
}

/** One request, from its arrival until it is over. */
export interface Ticket<T> {
  readonly item: T;
  readonly level: string;
  /** Seats it takes. */
  readonly width: number;
}

/** What a level does now. */
export interface LevelState {
  readonly name: string;
  /** Seats it has where nobody lends or borrows. */
  readonly nominalSeats: number;
  /** Seats it has at most, with all that others lend. */
  readonly maxSeats: number;
  readonly executing: number;
  readonly seats: number;
  readonly waiting: number;
}

/** What a request is taken to need before it is known, milliseconds (kube-apiserver's estimate). What it really took is settled when it is over. */
const ESTIMATE_MS = 3;
/**
 * How many of the widest requests a level bears at most, with all that others lend, and one flow half of that. kube-apiserver gives no request more than ten seats, as it has many processors;
 * here one thread writes all answers, and long ones are done no sooner by being many at once.
 */
const WIDEST_AT_ONCE = 8;

interface Flow<T> extends Placed {
  readonly key: string;
  readonly waiting: Set<Held<T>>;
  executing: number;
  seats: number;
}

interface Held<T> extends Ticket<T> {
  readonly flow: Flow<T>;
  /** Waits, has its seats, or is over. */
  state: 'waiting' | 'begun' | 'over';
}

interface Level<T> {
  readonly settings: PriorityLevel;
  readonly nominal: number;
  /** Seats that others never use. */
  readonly reserved: number;
  max: number;
  /** Seats that one flow has at most: who never ends what it began leaves something to the others. */
  flowMax: number;
  readonly flows: Map<string, Flow<T>>;
  /** Flows of which a request may be next. */
  readonly ready: FlowHeap<Flow<T>>;
  virtual: number;
  executing: number;
  seats: number;
  waiting: number;
}

/**
 * Who is next: seats are shared among priority levels, and within a level fairly among flows, by the time that their requests had seats (start-time fair queueing; Kubernetes' API Priority and Fairness).
 * A level that does not use its seats lends some of them, and gets them back as they become free. Plans only: knows no time and starts nothing.
 * A step costs no more than the logarithm of the number of flows; only flows with a request under way are remembered.
 */
export class FairQueue<T> {
  readonly #levels: ReadonlyMap<string, Level<T>>;
  #seats = 0;
  #order = 0;

  constructor(
    levels: readonly PriorityLevel[],
    private readonly bounds: FairQueueBounds,
  ) {
    const shares = levels.reduce((sum, level) => sum + level.shares, 0);
    const made = levels.map((settings): Level<T> => {
      const nominal = Math.max(1, Math.ceil((bounds.seats * settings.shares) / shares));
      return { settings, nominal, reserved: Math.ceil((nominal * (100 - settings.lendablePercent)) / 100), max: 0, flowMax: 0, flows: new Map(), ready: new FlowHeap(), virtual: 0, executing: 0, seats: 0, waiting: 0 };
    });
    const reserved = made.reduce((sum, level) => sum + level.reserved, 0);
    for (const level of made) {
      level.max = Math.max(level.nominal, bounds.seats - reserved + level.reserved);
      level.flowMax = Math.max(this.#widest(level), Math.ceil(level.max / 2));
    }
    this.#levels = new Map(made.map((level) => [level.settings.name, level]));
  }

  /** A request has come; it waits until {@link next} gives it. Undefined: too many of its flow wait, or its level lets nobody wait. Widths beyond what a level bears are made less. */
  arrive(name: string, key: string, width: number, item: T): Ticket<T> | undefined {
    const level = this.#level(name);
    const held = Math.min(Math.max(1, Math.ceil(width)), this.#widest(level));
    const flow = level.flows.get(key) ?? { key, virtual: level.virtual, order: (this.#order += 1), place: -1, waiting: new Set(), executing: 0, seats: 0 };
    if (level.settings.queues ? flow.waiting.size >= this.bounds.queueLength : level.waiting > 0 || flow.seats + held > level.flowMax || !this.#fits(level, held)) return undefined;
    level.flows.set(key, flow);
    const ticket: Held<T> = { item, level: name, width: held, flow, state: 'waiting' };
    flow.waiting.add(ticket);
    level.waiting += 1;
    this.#offer(level, flow);
    return ticket;
  }

  /** The request that begins now, with its seats; undefined while there is none, or no room for it. To be asked again after each arrival and end. */
  next(): Ticket<T> | undefined {
    let chosen: Level<T> | undefined;
    let isOwed = false;
    for (const level of this.#levels.values()) {
      const first = level.ready.first;
      if (first === undefined) continue;
      const { width } = headOf(first);
      if (!this.#fits(level, width)) isOwed ||= isOwn(level, width);
      // Who has least of what is its own: a level below its seats goes before one that borrows.
      else if (chosen === undefined || level.seats / level.nominal < chosen.seats / chosen.nominal) chosen = level;
    }
    // What becomes free is first for those whose own seats are lent: else narrow requests of others would take each of them.
    if (chosen !== undefined && isOwed && !isOwn(chosen, headOf(chosen.ready.first as Flow<T>).width)) return undefined;
    return chosen === undefined ? undefined : this.#begin(chosen);
  }

  /** The request is over, having had its seats for so long. False: it was over already, or never began. */
  end(ticket: Ticket<T>, milliseconds: number): boolean {
    const held = ticket as Held<T>;
    if (held.state !== 'begun') return false;
    held.state = 'over';
    const { flow, width } = held;
    const level = this.#level(held.level);
    this.#seats -= width;
    level.seats -= width;
    level.executing -= 1;
    flow.seats -= width;
    flow.executing -= 1;
    flow.virtual += width * (milliseconds - ESTIMATE_MS);
    this.#offer(level, flow);
    return true;
  }

  /** The request waits no more. False: it has begun, or is over. */
  leave(ticket: Ticket<T>): boolean {
    const held = ticket as Held<T>;
    if (held.state !== 'waiting') return false;
    held.state = 'over';
    const level = this.#level(held.level);
    held.flow.waiting.delete(held);
    level.waiting -= 1;
    this.#offer(level, held.flow);
    return true;
  }

  /** What all levels do now. */
  states(): LevelState[] {
    return [...this.#levels.values()].map(({ settings: { name }, nominal, max, executing, seats, waiting }) => ({ name, nominalSeats: nominal, maxSeats: max, executing, seats, waiting }));
  }

  /** Flows that are remembered. */
  get flows(): number {
    let count = 0;
    for (const { flows } of this.#levels.values()) count += flows.size;
    return count;
  }

  #begin(level: Level<T>): Ticket<T> {
    const flow = level.ready.first as Flow<T>;
    const ticket = headOf(flow);
    ticket.state = 'begun';
    flow.waiting.delete(ticket);
    level.waiting -= 1;
    this.#seats += ticket.width;
    level.seats += ticket.width;
    level.executing += 1;
    flow.seats += ticket.width;
    flow.executing += 1;
    level.virtual = Math.max(level.virtual, flow.virtual);
    flow.virtual += ticket.width * ESTIMATE_MS;
    this.#offer(level, flow);
    return ticket;
  }

  /** Puts a flow where it belongs: among those who may be next, aside, or away. */
  #offer(level: Level<T>, flow: Flow<T>): void {
    const isReady = flow.waiting.size > 0 && flow.seats + headOf(flow).width <= level.flowMax;
    if (isReady) level.ready.put(flow);
    else level.ready.remove(flow);
    if (flow.waiting.size === 0 && flow.executing === 0) level.flows.delete(flow.key);
  }

  /** Whether so many seats are free for a level, beside those that others keep for themselves. */
  #fits(level: Level<T>, width: number): boolean {
    if (isOwn(level, width)) return this.#seats + width <= Math.max(this.bounds.seats, width);
    let kept = 0;
    for (const other of this.#levels.values()) if (other !== level) kept += Math.max(0, other.reserved - other.seats);
    return this.#seats + width + kept <= this.bounds.seats;
  }

  /** Never more than a level has of its own: else it could wait for ever. */
  #widest({ nominal, max }: Level<T>): number {
    return Math.min(nominal, Math.ceil(max / WIDEST_AT_ONCE));
  }

  #level(name: string): Level<T> {
    const level = this.#levels.get(name);
    if (level === undefined) throw new RangeError(`there is no priority level ${name}`);
    return level;
  }
}

const isOwn = ({ seats, nominal }: { readonly seats: number; readonly nominal: number }, width: number): boolean => seats + width <= nominal;

function headOf<T>({ waiting }: Flow<T>): Held<T> {
  const [first] = waiting;
  return first as Held<T>;
}
