import { formatQuantity, milliValue, parseQuantity, type Pod, quantityOf } from '@orrery/core';
import type { ContainerRecommendation, VerticalPodAutoscaler } from './kind.js';
import { policyOf } from './recommend.js';

/** On a pod: the autoscaler that gave it its requests. */
export const UPDATED_BY = 'autoscaling.orrery.dev/requests-by';

type Resources = NonNullable<NonNullable<Pod['spec']['containers']>[number]['resources']>;

/**
 * Gives the containers of a pod what is recommended for them. Limits keep their ratio to the requests, where the policy lets them be changed and both were given.
 * Changes the pod; answers whether anything changed.
 */
export function applyRecommendation(pod: Pod, { spec, status }: VerticalPodAutoscaler): boolean {
  let changed = false;
  for (const container of pod.spec.containers ?? []) {
    const recommendation = recommendationOf(status, container.name);
    const policy = policyOf(spec.resourcePolicy.containerPolicies, container.name);
    if (recommendation === undefined || policy?.mode === 'Off') continue;
    const next = withTarget(container.resources ?? {}, recommendation.target, policy?.controlledValues !== 'RequestsOnly');
    changed ||= JSON.stringify(next) !== JSON.stringify(container.resources ?? {});
    container.resources = next;
  }
  return changed;
}

/** What is recommended for a container. */
export const recommendationOf = (status: VerticalPodAutoscaler['status'], containerName: string): ContainerRecommendation | undefined =>
  status?.recommendation?.containerRecommendations.find((one) => one.containerName === containerName);

function withTarget(resources: Resources, target: Readonly<Record<string, string>>, withLimits: boolean): Resources {
  const requests = { ...resources.requests };
  const limits = { ...resources.limits };
  for (const [name, amount] of Object.entries(target)) {
    const [request, limit] = [requests[name] ?? limits[name], limits[name]];
    requests[name] = amount;
    if (limit === undefined || request === undefined) continue;
    if (withLimits) limits[name] = scaled(limit, milliValue(amount) / Math.max(1, milliValue(request)));
    else if (milliValue(amount) > milliValue(limit)) requests[name] = limit;
  }
  return { ...resources, requests, ...(Object.keys(limits).length > 0 && { limits }) };
}

/** An amount times a factor, rounded up to thousandths for cpu and to whole units otherwise, in its own way of writing. */
function scaled(text: string, factor: number): string {
  const { format, scale } = parseQuantity(text) ?? quantityOf(0);
  const milli = milliValue(text) * factor;
  return scale < 0 ? formatQuantity(quantityOf(Math.ceil(milli), format, -3)) : formatQuantity(milli < 1000 ? quantityOf(Math.ceil(milli), format, -3) : quantityOf(Math.ceil(milli / 1000), format));
}
