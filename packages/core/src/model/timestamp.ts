import { memo } from './memo.js';

const PLAIN = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** `text` in seconds precision and UTC (metav1.Time); undefined when it is no RFC 3339 time. */
export function canonicalTime(text: string): string | undefined {
  const parsed = parseTime(text);
  if (parsed === undefined) return undefined;
  return PLAIN.test(text) ? text : isoSeconds(parsed.seconds);
}

/** `text` in microseconds precision and UTC (metav1.MicroTime); undefined when it is no RFC 3339 time. */
export function canonicalMicroTime(text: string): string | undefined {
  const parsed = parseTime(text);
  return parsed && `${isoSeconds(parsed.seconds).slice(0, -1)}.${parsed.fraction.padEnd(6, '0').slice(0, 6)}Z`;
}

/** Milliseconds since the Unix epoch as a metav1.Time; fractions of a second are dropped. */
export function timeOfMillis(millis: number): string {
  return isoSeconds(Math.floor(millis / 1000));
}

/** Milliseconds since the Unix epoch as a metav1.MicroTime. */
export function microTimeOfMillis(millis: number): string {
  return `${new Date(Math.floor(millis)).toISOString().slice(0, -1)}000Z`;
}

/** Milliseconds since the Unix epoch of an RFC 3339 time; undefined when the text is none. */
export function millisOfTime(text: string): number | undefined {
  const parsed = parseTime(text);
  return parsed && parsed.seconds * 1000 + Math.trunc(Number(`0.${parsed.fraction || '0'}`) * 1000);
}

interface Parsed {
  readonly seconds: number;
  readonly fraction: string;
}

/** The longest text that can be a time: with nine digits of a second and an offset. */
const LONGEST = 35;
/** The same few moments are read again and again: with each look at an object, and with each write of it. */
const parsedOf = memo(2_048, parse);

const parseTime = (text: string): Parsed | undefined => (text.length > LONGEST ? undefined : parsedOf(text));

function parse(text: string): Parsed | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, wall = '', fraction = '', zone = 'Z'] = match;
  const millis = Date.parse(`${wall}${zone}`);
  // Date.parse takes the 30th of February for the 1st of March; RFC 3339 does not.
  const real = Number(wall.slice(8, 10)) <= 28 || new Date(`${wall}Z`).getUTCDate() === Number(wall.slice(8, 10));
  return Number.isNaN(millis) || !real ? undefined : { seconds: millis / 1000, fraction };
}

/** The last second that was written out: most writes of a moment carry the same one. */
let lastWritten = { seconds: Number.NaN, text: '' };

function isoSeconds(seconds: number): string {
  if (lastWritten.seconds !== seconds) lastWritten = { seconds, text: isoText(seconds) };
  return lastWritten.text;
}

function isoText(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`;
}
