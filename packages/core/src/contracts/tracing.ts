import { list, seat } from '../kernel/tokens.js';
import { fnv64a } from '../model/hash.js';

/** Which span of which trace, as W3C Trace Context has it: 32 and 16 hexadecimal digits. */
export interface SpanContext {
  readonly traceId: string;
  readonly spanId: string;
}

/** Something that has been done. */
export interface SpanRecord {
  readonly context: SpanContext;
  /** The span of the same trace within which it was done. */
  readonly parentSpanId?: string;
  /** What was done, in few words of which there are few: `schedule`, `start container`. */
  readonly name: string;
  /** Who did it, e.g. `kubelet`. */
  readonly component: string;
  /** Default `internal`. */
  readonly kind?: 'internal' | 'server';
  /** Milliseconds since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  /** Facts that are safe to show: no secrets, nothing that was sent. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
  /** Spans of other traces that it has to do with. */
  readonly links?: readonly SpanContext[];
  /** What it failed with. */
  readonly error?: string;
}

/** Where parts tell what they did and how long it took. Must not throw, must not be slow, and keeps only so much: what cannot be passed on in time is dropped. */
export interface Tracer {
  /** Whether anybody records: work that is done only to be told can be left out otherwise. */
  readonly enabled: boolean;
  /** Whether this trace is followed. Depends on the id alone, so that all processes of a cluster decide alike. */
  samples(traceId: string): boolean;
  record(span: SpanRecord): void;
}

/** Where nobody records. */
export const noTracer: Tracer = { enabled: false, samples: () => false, record: () => {} };

/** Those who record. */
export const SpanRecorders = list<Tracer>('SpanRecorder');
/** Where parts tell what they did. To be asked for in parts and providers, not in setup. */
export const Tracer = seat<Tracer>('Tracer');

/** One for several recorders; each follows what it samples. */
export function allTracers(recorders: readonly Tracer[]): Tracer {
  const [only] = recorders;
  if (only === undefined) return noTracer;
  if (recorders.length === 1) return only;
  return {
    enabled: true,
    samples: (traceId) => recorders.some((one) => one.samples(traceId)),
    record: (span) => recorders.filter((one) => one.samples(span.context.traceId)).forEach((one) => one.record(span)),
  };
}

const hex = (text: string): string => {
  const hash = fnv64a(text);
  return (hash === 0n ? 1n : hash).toString(16).padStart(16, '0');
};

/** The trace of an object: its uid, written without dashes. So every process knows it who knows the object, and nothing of it is stored. */
export function traceOf(uid: string): string {
  const plain = uid.replaceAll('-', '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(plain) && !/^0+$/.test(plain) ? plain : `${hex(`a/${uid}`)}${hex(`b/${uid}`)}`;
}

/**
 * A step on the way of an object, by its name: always the same span, whoever asks. The steps of a pod: `object` (all of it), `create`, `schedule/<attempt>`, `bind`, `sync` (what its node does until it runs)
 * and below that `sandbox`, `pull/<container>`, `start/<container>/<attempt>`.
 */
export const stepOf = (uid: string, step: string): SpanContext => ({ traceId: traceOf(uid), spanId: hex(`${uid}/${step}`) });
