import type { Clock, LogFields, Logger } from '@orrery/core';

/** Passes on warnings and errors as lines with the virtual time. */
export function simulatedLogger(clock: Pick<Clock, 'monotonic'>, say: (line: string) => void): Logger {
  const make = (fields: LogFields): Logger => {
    const tell = (level: string, message: string, more: LogFields = {}): void => say(`${(clock.monotonic() / 1000).toFixed(3)} s: ${level} ${message} ${JSON.stringify({ ...fields, ...more })}`);
    return {
      debug() {},
      info() {},
      warn: (message, more) => tell('warn', message, more),
      error: (message, more) => tell('error', message, more),
      child: (more) => make({ ...fields, ...more }),
    };
  };
  return make({});
}
