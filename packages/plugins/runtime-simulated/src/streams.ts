import type { Clock, ExecSession, LogEntry, LogOptions, RuntimeEvent } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import type { SimulatedContainer } from './container.js';

/** The output so far, and with `follow` what comes until the container ends. The limits mean what they mean for a real runtime. */
export async function* simulatedLogs(container: SimulatedContainer, options: LogOptions, signal: AbortSignal): AsyncGenerator<LogEntry> {
  const { log } = container;
  let at = options.tailLines === undefined ? 0 : Math.max(0, log.length - options.tailLines);
  let budget = options.limitBytes ?? Infinity;
  while (!signal.aborted) {
    const entry = log[at];
    if (entry === undefined) {
      if (options.follow !== true || container.state === 'exited') return;
      await changed(container, signal);
      continue;
    }
    at += 1;
    if (options.sinceTime !== undefined && Date.parse(entry.timestamp) < options.sinceTime) continue;
    const size = Buffer.byteLength(entry.line) + 1;
    if (size > budget) {
      if (budget > 0) yield { ...entry, line: Buffer.from(entry.line).subarray(0, budget).toString('utf8'), partial: true };
      return;
    }
    budget -= size;
    yield entry;
  }
}

/** A command that says and ends as the container's behaviour decides. */
export function execSession(container: SimulatedContainer, command: readonly string[], clock: Clock, signal: AbortSignal): ExecSession {
  const { exitCode, stdout = '', stderr = '', afterMs = 0 } = container.behaviour.exec?.(command) ?? { exitCode: 0 };
  const end = new AbortController();
  void container.ended.then(() => end.abort());
  const over = AbortSignal.any([signal, end.signal]);
  const done = afterMs > 0 ? clock.sleep(afterMs, over) : Promise.resolve();
  const code = done.then(
    () => exitCode,
    () => {
      if (container.state === 'running') throw new OrreryError('ABORTED', 'The command was left before it ended.');
      return 137;
    },
  );
  // Not everybody asks for the exit code of a session they close.
  code.catch(() => undefined);
  return {
    stdin: { write: () => Promise.resolve(), end() {} },
    stdout: bytes(stdout),
    stderr: bytes(stderr),
    exitCode: code,
    resize() {},
    close() {
      end.abort();
      return Promise.resolve();
    },
  };
}

/** Hints from `listen` until one of the signals aborts. */
export async function* hints(listen: (listener: (event: RuntimeEvent) => void) => () => void, signal: AbortSignal, closed: AbortSignal): AsyncGenerator<RuntimeEvent> {
  const unread: RuntimeEvent[] = [];
  let wake = (): void => undefined;
  const stop = listen((event) => {
    unread.push(event);
    wake();
  });
  const aborted = (): void => wake();
  for (const each of [signal, closed]) each.addEventListener('abort', aborted, { once: true });
  try {
    while (!signal.aborted && !closed.aborted) {
      const event = unread.shift();
      if (event !== undefined) yield event;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    stop();
    for (const each of [signal, closed]) each.removeEventListener('abort', aborted);
  }
}

async function* bytes(text: string): AsyncGenerator<Uint8Array> {
  if (text !== '') yield Buffer.from(text);
}

function changed(container: SimulatedContainer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      stop();
      signal.removeEventListener('abort', wake);
      resolve();
    };
    const stop = container.watch(wake);
    signal.addEventListener('abort', wake, { once: true });
  });
}
