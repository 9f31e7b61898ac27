import {
  type Amounts,
  amountOf,
  amountsOf,
  canonicalQuantity,
  type LimitRange,
  type LimitRangeItem,
  type PersistentVolumeClaim,
  type Pod,
  podLimits,
  podRequests,
} from '@orrery/core';
import { amountText } from '../shared/amount-text.js';

/** What an object asks for and is limited to. */
interface Asked {
  readonly requests: Amounts;
  readonly limits: Amounts;
  /** What is asked for, as people read it: as it was written, or a sum in the format of the bound. */
  text(part: 'requests' | 'limits', name: string, bound: string): string;
}

/** In what way a pod goes beyond the limit ranges of its namespace (PodValidateLimitFunc). Empty: in none. Pure. */
export function podViolations(pod: Pod, ranges: readonly LimitRange[]): string[] {
  return ranges.flatMap(({ spec }) =>
    spec.limits.flatMap((item) => {
      if (item.type === 'Container') return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap(({ resources }) => violations(item, written(resources)));
      if (item.type === 'Pod') return violations(item, summed(podRequests({ ...pod, status: {} }), podLimits(pod)));
      return [];
    }),
  );
}

/** In what way a claim goes beyond the limit ranges of its namespace (PersistentVolumeClaimValidateLimitFunc). Pure. */
export function claimViolations({ spec }: PersistentVolumeClaim, ranges: readonly LimitRange[]): string[] {
  const asked = written({ requests: spec.resources?.requests });
  return ranges.flatMap((range) =>
    range.spec.limits.filter(({ type }) => type === 'PersistentVolumeClaim').flatMap((item) => [
      ...each(item.min, (name, text) => below(item.type, name, text, asked)),
      ...each(item.max, (name, text) =>
        (asked.requests[name] ?? 0) > amountOf(name, text) ? [`maximum ${name} usage per ${item.type} is ${text}, but request is ${asked.text('requests', name, text)}`] : []),
    ]),
  );
}

function written({ requests, limits }: { readonly requests?: Texts; readonly limits?: Texts } = {}): Asked {
  const texts = { requests, limits };
  return { requests: amountsOf(requests), limits: amountsOf(limits), text: (part, name, bound) => canonicalQuantity(texts[part]?.[name] ?? '') ?? bound };
}

function summed(requests: Amounts, limits: Amounts): Asked {
  const sums = { requests, limits };
  return { requests, limits, text: (part, name, bound) => amountText(name, sums[part][name] ?? 0, bound) };
}

function violations(item: LimitRangeItem, asked: Asked): string[] {
  return [
    ...each(item.min, (name, text) => below(item.type, name, text, asked)),
    ...each(item.max, (name, text) => above(item.type, name, text, asked)),
    ...each(item.maxLimitRequestRatio, (name, text) => tooFarApart(item.type, name, text, asked)),
  ];
}

function below(type: string, name: string, bound: string, { requests, limits, text }: Asked): string[] {
  const [min, request, limit] = [amountOf(name, bound), requests[name], limits[name]];
  const least = `minimum ${name} usage per ${type} is ${bound}`;
  if (request === undefined) return [`${least}.  No request is specified`];
  if (request < min) return [`${least}, but request is ${text('requests', name, bound)}`];
  return limit !== undefined && limit < min ? [`${least}, but limit is ${text('limits', name, bound)}`] : [];
}

function above(type: string, name: string, bound: string, { requests, limits, text }: Asked): string[] {
  const [max, request, limit] = [amountOf(name, bound), requests[name], limits[name]];
  const most = `maximum ${name} usage per ${type} is ${bound}`;
  if (limit === undefined) return [`${most}.  No limit is specified`];
  if (limit > max) return [`${most}, but limit is ${text('limits', name, bound)}`];
  return request !== undefined && request > max ? [`${most}, but request is ${text('requests', name, bound)}`] : [];
}

function tooFarApart(type: string, name: string, bound: string, { requests, limits }: Asked): string[] {
  const [request, limit] = [requests[name], limits[name]];
  const most = `${name} max limit to request ratio per ${type} is ${bound}, but`;
  if (request === undefined || request === 0) return [`${most} no request is specified or request is 0`];
  if (limit === undefined || limit === 0) return [`${most} no limit is specified or limit is 0`];
  const ratio = limit / request;
  return ratio > Number(amountOf('cpu', bound)) / 1000 ? [`${most} provided ratio is ${ratio.toFixed(6)}`] : [];
}

type Texts = Readonly<Record<string, string>> | undefined;
const each = (bounds: Texts, check: (name: string, bound: string) => string[]): string[] => Object.entries(bounds ?? {}).flatMap(([name, bound]) => check(name, bound));
