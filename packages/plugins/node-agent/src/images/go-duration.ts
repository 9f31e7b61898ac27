/** A duration as Go writes it, cut to milliseconds: `0s`, `250ms`, `1.5s`, `2m0.25s`, `1h0m5s`. */
export function goDuration(givenMs: number): string {
  const ms = Math.trunc(Math.max(0, givenMs));
  if (ms === 0) return '0s';
  if (ms < 1_000) return `${ms}ms`;
  const [hours, minutes, seconds] = [Math.floor(ms / 3_600_000), Math.floor(ms / 60_000) % 60, (ms % 60_000) / 1_000];
  return `${hours > 0 ? `${hours}h` : ''}${hours > 0 || minutes > 0 ? `${minutes}m` : ''}${seconds}s`;
}
