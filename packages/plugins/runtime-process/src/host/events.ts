import type { RuntimeEvent } from '@orrery/core';

/** More unread hints than this become one `resync`: a hint only says that listing is worth while. */
const MAX_UNREAD = 1_000;

/**
 * A subscription as an iterable: hints from `listen` until one of the signals aborts.
 * `closed` ends it like the caller's own signal does.
 */
export async function* hints(listen: (listener: (event: RuntimeEvent) => void) => () => void, signal: AbortSignal, closed: AbortSignal): AsyncGenerator<RuntimeEvent> {
  let unread: RuntimeEvent[] = [];
  let wake = (): void => undefined;
  const stop = listen((event) => {
    if (unread.length >= MAX_UNREAD) unread = [{ type: 'resync' }];
    else unread.push(event);
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
