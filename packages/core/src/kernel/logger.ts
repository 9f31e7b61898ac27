import { seat } from './tokens.js';

/** Facts that go with a message. Values must be safe to print: no secrets, no request bodies. */
export type LogFields = Readonly<Record<string, unknown>>;

/** Where background news goes. Implementations must not throw and must not block. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every message. */
  child(fields: LogFields): Logger;
}

/** Keeps quiet. For tests and for hosts that only read conditions and events. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};

/** Where an orchestrator's background news goes. */
export const Logger = seat<Logger>('Logger');
