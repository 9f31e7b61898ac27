import {
  type Amounts,
  amountOf,
  amountsOf,
  type Container,
  type LimitRange,
  type LimitRangeItem,
  type PersistentVolumeClaim,
  type Pod,
  podLimits,
  podRequests,
} from '@orrery/core';

/** What an object asks for and is limited to. */
interface Asked {
  readonly requests: Amounts;
  readonly limits: Amounts;
}

/** In what way a pod goes beyond the limit ranges of its namespace (PodValidateLimitFunc). Empty: in none. Pure. */
export function podViolations(pod: Pod, ranges: readonly LimitRange[]): string[] {
  return ranges.flatMap(({ spec }) =>
    spec.limits.flatMap((item) => {
      if (item.type === 'Container') return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].flatMap((container) => violations(item, askedBy(container)));
      if (item.type === 'Pod') return violations(item, { requests: podRequests(pod), limits: podLimits(pod) });
      return [];
    }),
  );
}

/** In what way a claim goes beyond the limit ranges of its namespace (PersistentVolumeClaimValidateLimitFunc). Pure. */
export function claimViolations({ spec }: PersistentVolumeClaim, ranges: readonly LimitRange[]): string[] {
  const asked: Asked = { requests: amountsOf(spec.resources?.requests), limits: amountsOf({}) };
  return ranges.flatMap((range) =>
    range.spec.limits.filter(({ type }) => type === 'PersistentVolumeClaim').flatMap((item) => [
      ...each(item.min, (name, text) => below(item.type, name, text, asked.requests[name], undefined)),
      ...each(item.max, (name, text) => (asked.requests[name] !== undefined && asked.requests[name] > amountOf(name, text) ? [`maximum ${name} usage per ${item.type} is ${text}, but request is ${shown(name, asked.requests[name])}`] : [])),
    ]),
  );
}

const askedBy = ({ resources }: Container): Asked => ({ requests: amountsOf(resources?.requests), limits: amountsOf(resources?.limits) });

function violations(item: LimitRangeItem, { requests, limits }: Asked): string[] {
  return [
    ...each(item.min, (name, text) => below(item.type, name, text, requests[name], limits[name])),
    ...each(item.max, (name, text) => above(item.type, name, text, requests[name], limits[name])),
    ...each(item.maxLimitRequestRatio, (name, text) => tooFarApart(item.type, name, text, requests[name], limits[name])),
  ];
}

function below(type: string, name: string, text: string, request: number | undefined, limit: number | undefined): string[] {
  const min = amountOf(name, text);
  if (request === undefined) return [`minimum ${name} usage per ${type} is ${text}.  No request is specified`];
  if (request < min) return [`minimum ${name} usage per ${type} is ${text}, but request is ${shown(name, request)}`];
  return limit !== undefined && limit < min ? [`minimum ${name} usage per ${type} is ${text}, but limit is ${shown(name, limit)}`] : [];
}

function above(type: string, name: string, text: string, request: number | undefined, limit: number | undefined): string[] {
  const max = amountOf(name, text);
  if (limit === undefined) return [`maximum ${name} usage per ${type} is ${text}.  No limit is specified`];
  if (limit > max) return [`maximum ${name} usage per ${type} is ${text}, but limit is ${shown(name, limit)}`];
  return request !== undefined && request > max ? [`maximum ${name} usage per ${type} is ${text}, but request is ${shown(name, request)}`] : [];
}

function tooFarApart(type: string, name: string, text: string, request: number | undefined, limit: number | undefined): string[] {
  const most = `${name} max limit to request ratio per ${type} is ${text}, but`;
  if (request === undefined || request === 0) return [`${most} no request is specified or request is 0.`];
  if (limit === undefined || limit === 0) return [`${most} no limit is specified or limit is 0.`];
  const ratio = limit / request;
  return ratio > Number(amountOf('cpu', text)) / 1000 ? [`${most} provided ratio is ${ratio.toFixed(6)}`] : [];
}

const shown = (name: string, amount: number): string => (name === 'cpu' ? `${amount}m` : `${amount}`);
const each = (amounts: Readonly<Record<string, string>> | undefined, check: (name: string, text: string) => string[]): string[] => Object.entries(amounts ?? {}).flatMap(([name, text]) => check(name, text));
