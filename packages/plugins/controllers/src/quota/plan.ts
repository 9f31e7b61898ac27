import { type Amounts, amountOf, type KindDefinition, noAmounts, type Pod, type ResourceQuota } from '@orrery/core';
import { amountText } from '../shared/amount-text.js';

/** A quota's own `used` after a request, or why the request is refused. */
export type QuotaDecision = { readonly quota: ResourceQuota } | { readonly refused: string } | 'not concerned';

/**
 * Whether a quota has room for what an object adds (CheckRequest of the admission plugin ResourceQuota). `delta` may be negative for what an update gives back;
 * only what grows is checked. Pure.
 */
export function planCharge(quota: ResourceQuota, delta: Amounts): QuotaDecision {
  const { hard = {}, used = {} } = quota.status ?? {};
  const name = quota.metadata.name ?? '';
  const concerned = Object.keys(quota.spec.hard ?? {}).filter((resource) => (delta[resource] ?? 0) !== 0);
  if (concerned.length === 0) return 'not concerned';
  const unknown = concerned.filter((resource) => hard[resource] === undefined || used[resource] === undefined);
  if (unknown.length > 0) return { refused: `status unknown for quota: ${name}, resources: ${unknown.sort().join(',')}` };
  const after: Record<string, string> = { ...used };
  const exceeded: string[] = [];
  for (const resource of concerned) {
    const change = delta[resource] as number;
    const total = amountOf(unitOf(resource), used[resource] as string) + change;
    if (change > 0 && total > amountOf(unitOf(resource), hard[resource] as string)) exceeded.push(resource);
    after[resource] = textOf(resource, Math.max(0, total), hard[resource] as string);
  }
  if (exceeded.length > 0) return { refused: exceededText(name, exceeded.sort(), delta, used, hard) };
  return { quota: { ...quota, status: { ...quota.status, used: after } } };
}

/**
 * The status of a quota after its objects were counted. `seen` is the quota as it was a while before the count began, `quota` as it is now: what was charged in between may be
 * in the count or not, so it is added; a quota never shows less than is used, and becomes exact when nothing happens meanwhile. Without `seen` only what was never counted before
 * takes its amount from the count. Pure.
 */
export function planRecount(quota: ResourceQuota, seen: ResourceQuota | undefined, counted: Amounts): NonNullable<ResourceQuota['status']> {
  const hard = quota.spec.hard ?? {};
  const used: Record<string, string> = {};
  for (const [resource, limit] of Object.entries(hard)) {
    const now = quota.status?.used?.[resource];
    const amount = (text: string | undefined): number => amountOf(unitOf(resource), text ?? '0');
    if (seen === undefined && now !== undefined) used[resource] = now;
    else used[resource] = textOf(resource, (counted[resource] ?? 0) + (seen === undefined ? 0 : Math.max(0, amount(now) - amount(seen.status?.used?.[resource]))), limit);
  }
  return { hard, used };
}

/** Containers that leave open what a quota counts (PodEvaluator.Constraints); undefined: none. Pure. */
export function missingRequests({ spec }: Pod, hard: Readonly<Record<string, string>>): string | undefined {
  const missing = new Map<string, string[]>();
  for (const resource of Object.keys(hard).filter((name) => MUST_BE_SET.has(name))) {
    const [part, of] = resource.startsWith('limits.') ? (['limits', resource.slice(7)] as const) : (['requests', resource.replace(/^requests\./, '')] as const);
    if (spec.resources?.[part]?.[of] !== undefined) continue;
    for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
      if (container.resources?.[part]?.[of] === undefined) missing.set(container.name, [...(missing.get(container.name) ?? []), resource]);
    }
  }
  if (missing.size === 0) return undefined;
  const byResources = new Map<string, string[]>();
  for (const [container, resources] of missing) {
    const key = resources.sort().join(',');
    byResources.set(key, [...(byResources.get(key) ?? []), container]);
  }
  return [...byResources].sort().map(([resources, containers]) => `must specify ${resources} for: ${containers.sort().join(',')}`).join('; ');
}

const MUST_BE_SET: ReadonlySet<string> = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);

/** The difference of two usages. */
export function difference(next: Amounts, old: Amounts): Amounts {
  const delta = noAmounts();
  for (const name of new Set([...Object.keys(next), ...Object.keys(old)])) delta[name] = (next[name] ?? 0) - (old[name] ?? 0);
  return delta;
}

/** Adds to a total. */
export function addUsage(total: Amounts, usage: Amounts): void {
  for (const name in usage) total[name] = (total[name] ?? 0) + (usage[name] as number);
}

/** `pods "x" is forbidden: …`. */
export const forbiddenText = ({ plural, group }: Pick<KindDefinition, 'plural' | 'group'>, name: string, why: string): string =>
  `${group === '' ? plural : `${plural}.${group}`} ${JSON.stringify(name)} is forbidden: ${why}`;

/** Cpu is counted in milli-units under each of its names. */
const unitOf = (resource: string): string => (/^(?:requests\.|limits\.)?cpu$/.test(resource) ? 'cpu' : resource);

/** An amount in the format of the limit. */
const textOf = (resource: string, amount: number, limit: string): string => amountText(unitOf(resource), amount, limit);

function exceededText(name: string, resources: readonly string[], delta: Amounts, used: Readonly<Record<string, string>>, hard: Readonly<Record<string, string>>): string {
  const pairs = (of: (resource: string) => string): string => resources.map((resource) => `${resource}=${of(resource)}`).join(',');
  const requested = pairs((resource) => textOf(resource, delta[resource] as number, hard[resource] as string));
  return `exceeded quota: ${name}, requested: ${requested}, used: ${pairs((resource) => used[resource] as string)}, limited: ${pairs((resource) => hard[resource] as string)}`;
}
