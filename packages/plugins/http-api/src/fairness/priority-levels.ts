import { createHash } from 'node:crypto';

/** Requests of one importance: they share seats, and those beyond wait in queues, one for each flow. */
export interface PriorityLevel {
  readonly name: string;
  /** Its part of all seats, beside those of the others (nominalConcurrencyShares). */
  readonly shares: number;
  /** How much of its seats others may use while it does not, in hundredths. */
  readonly lendablePercent: number;
  /** Whether what finds no seat waits, or is refused at once. */
  readonly queues: boolean;
}

/** The levels that kube-apiserver has from the beginning (suggested and mandatory configuration, v1), but for `exempt`, which knows no seats. */
export const PRIORITY_LEVELS: readonly PriorityLevel[] = [
  { name: 'node-high', shares: 40, lendablePercent: 25, queues: true },
  { name: 'system', shares: 30, lendablePercent: 33, queues: true },
  { name: 'leader-election', shares: 10, lendablePercent: 0, queues: true },
  { name: 'workload-high', shares: 40, lendablePercent: 50, queues: true },
  { name: 'workload-low', shares: 100, lendablePercent: 90, queues: true },
  { name: 'global-default', shares: 20, lendablePercent: 50, queues: true },
  { name: 'catch-all', shares: 5, lendablePercent: 0, queues: false },
];

/** What is never limited. */
export const EXEMPT = 'exempt';

/** Of a flow schema or a priority level, which are no objects here: always the same for the same name, so that clients can tell them apart. */
export function uidOf(kind: 'FlowSchema' | 'PriorityLevelConfiguration', name: string): string {
  const hex = createHash('sha256').update(`flowcontrol.apiserver.k8s.io/${kind}/${name}`).digest('hex');
  // The form of a UUID made from a name (version 8 of RFC 9562: its bits are our own).
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
