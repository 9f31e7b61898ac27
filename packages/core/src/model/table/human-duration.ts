import { millisOfTime } from '../timestamp.js';

/** A length of time as kubectl shows ages (k8s.io/apimachinery/pkg/util/duration HumanDuration). Pure. */
export function humanDuration(millis: number): string {
  const seconds = Math.trunc(millis / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return both(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return both(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return both(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.trunc(days / 365);
  return hours < 24 * 365 * 8 ? both(years, 'y', days % 365, 'd') : `${years}y`;
}

const both = (large: number, unit: string, small: number, rest: string): string => (small === 0 ? `${large}${unit}` : `${large}${unit}${small}${rest}`);

/** How long ago a time was; `<unknown>` when there is none. `now` in milliseconds since the epoch. Pure. */
export function since(time: string | undefined, now: number): string {
  const at = time === undefined ? undefined : millisOfTime(time);
  return at === undefined ? '<unknown>' : humanDuration(now - at);
}
