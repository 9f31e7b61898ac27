import type { Query } from './query.js';

/** One thing that must be well. */
export interface HealthCheck {
  readonly name: string;
  /** Resolves when it is well; rejects when it is not. What it rejects with is not told. */
  check(): Promise<void>;
}

/** What a health endpoint answers. */
export interface Health {
  readonly code: 200 | 500;
  readonly text: string;
}

/** Asks all checks, but for those that the query excludes; in the words of kube-apiserver, whose details are told when something is wrong or `verbose` is asked for. */
export async function healthOf(endpoint: string, checks: readonly HealthCheck[], query: Query): Promise<Health> {
  const unmatched = new Set(query.all('exclude').filter((name) => name !== ''));
  const isExcluded = checks.map(({ name }) => unmatched.delete(name));
  const results = await Promise.allSettled(checks.map(async (one, i) => (isExcluded[i] === true ? undefined : one.check())));
  const lines = checks.map(({ name }, i) => (isExcluded[i] === true ? `[+]${name} excluded: ok` : results[i]?.status === 'fulfilled' ? `[+]${name} ok` : `[-]${name} failed: reason withheld`));
  if (unmatched.size > 0) lines.push(`warn: some health checks cannot be excluded: no matches for ${[...unmatched].slice(0, 20).map((name) => JSON.stringify(name.slice(0, 100))).join(', ')}`);
  if (results.some(({ status }) => status === 'rejected')) return { code: 500, text: `${lines.join('\n')}\n${endpoint} check failed\n` };
  return { code: 200, text: query.flag('verbose') === true ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok' };
}

/** One check by itself, as at `/readyz/ping`. */
export async function healthOfOne(check: HealthCheck): Promise<Health> {
  const [result] = await Promise.allSettled([check.check()]);
  return result.status === 'fulfilled' ? { code: 200, text: 'ok' } : { code: 500, text: 'internal server error: reason withheld\n' };
}
