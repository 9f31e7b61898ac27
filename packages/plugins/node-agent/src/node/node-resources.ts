import { addQuantities, approximateNumber, canonicalForm, canonicalQuantity, compareQuantities, parseQuantity, type Quantity, quantityOf, subtractQuantities, ZERO_QUANTITY } from '@orrery/core';
import { amountOfValue, type Threshold } from '../eviction/thresholds.js';

/** Amounts by resource name, as quantities. */
export type ResourceTexts = Readonly<Record<string, string>>;

/** What the resources of a node are computed from. */
export interface ResourceInput {
  /** What the machine has. */
  readonly machine: ResourceTexts;
  /** What an administrator says it has, instead or beside. */
  readonly given: ResourceTexts;
  readonly kubeReserved: ResourceTexts;
  readonly systemReserved: ResourceTexts;
  readonly thresholds: readonly Threshold[];
}

/** What a node has, and what of it pods get. */
export interface NodeResources {
  readonly capacity: ResourceTexts;
  readonly allocatable: ResourceTexts;
}

/** Signals whose hard thresholds are held back from pods. */
const HELD_BACK: Readonly<Record<string, string>> = { 'memory.available': 'memory', 'nodefs.available': 'ephemeral-storage' };

/**
 * Allocatable is the capacity less what is reserved and less the hard eviction thresholds of memory and disk (kubelet GetNodeAllocatableReservation), so that pods that keep
 * to their requests do not cause pressure; never below zero. What is given instead of being measured is another matter than what is left of the machine: of it no threshold is
 * taken. Written as the server does, so that a status that says the same is the same. Pure.
 */
export function nodeResources({ machine, given, kubeReserved, systemReserved, thresholds }: ResourceInput): NodeResources {
  const capacity = Object.fromEntries(Object.entries({ ...machine, ...given }).map(([resource, amount]) => [resource, canonicalQuantity(amount) ?? amount]));
  const allocatable = Object.entries(capacity).map(([resource, text]) => {
    const total = parseQuantity(text);
    if (total === undefined) return [resource, text];
    const measured = given[resource] === undefined;
    const held = [kubeReserved[resource], systemReserved[resource]].map((reserved) => parseQuantity(reserved ?? '0') ?? ZERO_QUANTITY);
    if (measured) held.push(...thresholds.filter(({ signal, gracePeriodMs }) => gracePeriodMs === 0 && HELD_BACK[signal] === resource).map(({ value }) => heldBack(value, total)));
    // Pages that were set aside are no ordinary memory.
    if (measured && resource === 'memory') held.push(...Object.entries(machine).filter(([name]) => name.startsWith('hugepages-')).map(([, amount]) => parseQuantity(amount) ?? ZERO_QUANTITY));
    const all = held.reduce(addQuantities, ZERO_QUANTITY);
    if (compareQuantities(all, ZERO_QUANTITY) === 0) return [resource, text];
    const left = subtractQuantities(total, all);
    return [resource, compareQuantities(left, ZERO_QUANTITY) < 0 ? '0' : canonicalForm({ ...left, format: total.format })];
  });
  return { capacity, allocatable: Object.fromEntries(allocatable) as ResourceTexts };
}

const heldBack = (value: Threshold['value'], total: Quantity): Quantity =>
  'quantity' in value ? (parseQuantity(value.quantity) ?? ZERO_QUANTITY) : quantityOf(amountOfValue(value, approximateNumber(total)), 'BinarySI');
