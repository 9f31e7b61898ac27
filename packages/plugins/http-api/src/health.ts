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
  const asked = checks.filter(({ name }) => name !== query.text('exclude'));
  const results = await Promise.allSettled(asked.map(async (one) => one.check()));
  const lines = asked.map(({ name }, i) => (results[i]?.status === 'fulfilled' ? `[+]${name} ok` : `[-]${name} failed: reason withheld`));
  if (results.some(({ status }) => status === 'rejected')) return { code: 500, text: `${lines.join('\n')}\n${endpoint} check failed\n` };
  return { code: 200, text: query.flag('verbose') === true ? `${lines.join('\n')}\n${endpoint} check passed\n` : 'ok' };
}
