/** Resolves at the first SIGINT or SIGTERM; the second ends the process as it would have without us. */
export function untilTold(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
}
