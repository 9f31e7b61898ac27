import type { Clock, LogFields, Logger } from '@orrery/core';

/** In the order of their weight. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type Level = (typeof LEVELS)[number];

/** What a logger of a stream is made from. */
export interface StreamLoggerOptions {
  readonly stream: { write(text: string): unknown };
  readonly clock: Clock;
  /** What weighs less is not told. */
  readonly level: Level;
  readonly format: 'text' | 'json';
  readonly fields?: LogFields;
}

/** A logger that writes a line a message: as text for people, or as JSON with `time`, `level` and `message` for programs. */
export function streamLogger(options: StreamLoggerOptions): Logger {
  const { stream, clock, level, format, fields = {} } = options;
  const tell = (own: Level, message: string, more: LogFields = {}): void => {
    if (LEVELS.indexOf(own) < LEVELS.indexOf(level)) return;
    const time = new Date(clock.now()).toISOString();
    const all = { ...fields, ...more };
    stream.write(format === 'json' ? `${jsonOf({ time, level: own, message, ...all })}\n` : `${time} ${own.toUpperCase().padEnd(5)} ${message}${textOf(all)}\n`);
  };
  return {
    debug: (message, more) => tell('debug', message, more),
    info: (message, more) => tell('info', message, more),
    warn: (message, more) => tell('warn', message, more),
    error: (message, more) => tell('error', message, more),
    child: (more) => streamLogger({ ...options, fields: { ...fields, ...more } }),
  };
}

const textOf = (fields: LogFields): string =>
  Object.entries(fields)
    .map(([key, value]) => ` ${key}=${jsonOf(value)}`)
    .join('');

/** A logger must not throw: what cannot be written as JSON is told as what it is. */
function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'null';
  } catch {
    return JSON.stringify(String(value));
  }
}
