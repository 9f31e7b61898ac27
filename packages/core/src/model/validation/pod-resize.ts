import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { Container } from '../kinds/container.js';
import type { Pod } from '../kinds/pod.js';
import type { PodSpec } from '../kinds/pod-spec.js';
import { podQosClass } from '../pod-qos.js';
import type { Errors } from './checks.js';

// The subresource `resize`: pkg/registry/core/pod (dropNonResizeUpdates) and ValidatePodResize.

const MIRROR = 'kubernetes.io/config.mirror';
const RESIZABLE: ReadonlySet<string> = new Set(['cpu', 'memory']);
/** Where containers stand that may be resized. */
const HOLDERS = ['containers', 'initContainers'] as const;

/** The old pod with the containers' resources and resize policies of the draft; other containers than those it has are taken as they are, for the checks to find. */
export function takeResize(draft: Pod, old: Pod): Pod {
  const spec: PodSpec = { ...old.spec };
  for (const holder of HOLDERS) {
    const [before, after] = [old.spec[holder] ?? [], draft.spec[holder] ?? []];
    if (before.length === 0 && after.length === 0) continue;
    spec[holder] = sameNames(before, after) ? before.map((container, i) => withResources(container, after[i] as Container)) : after;
  }
  return { ...old, metadata: { ...old.metadata }, spec };
}

function withResources(container: Container, { resources, resizePolicy }: Container): Container {
  const { resources: _resources, resizePolicy: _policy, ...rest } = container;
  return { ...rest, ...(resources !== undefined && { resources }), ...(resizePolicy !== undefined && { resizePolicy }) };
}

const sameNames = (a: readonly Container[], b: readonly Container[]): boolean => a.length === b.length && a.every(({ name }, i) => name === b[i]?.name);

/** What is wrong with a change of what a pod's containers may use while they run. */
export function validatePodResize(pod: Pod, old: Pod): FieldError[] {
  if (old.metadata.annotations?.[MIRROR] !== undefined) return [fieldError.forbidden('', 'static pods cannot be resized')];
  if (old.spec.os?.name === 'windows') return [fieldError.forbidden('', 'windows pods cannot be resized')];
  const errors: Errors = [];
  const quality = podQosClass(pod);
  if (quality !== (old.status?.qosClass ?? podQosClass(old))) errors.push(fieldError.invalid('spec', quality, 'Pod QOS Class may not change as a result of resizing'));
  if (!canResize(old)) errors.push(fieldError.forbidden('spec', 'Pod running on node without support for resize'));
  for (const holder of HOLDERS) {
    const [before, after] = [old.spec[holder] ?? [], pod.spec[holder] ?? []];
    if (before.length !== after.length) errors.push(fieldError.forbidden('spec', `${holder} may not be added or removed on resize`));
    else if (!sameNames(before, after)) errors.push(fieldError.forbidden('spec', `${holder} may not be renamed or reordered on resize`));
    else before.forEach((container, i) => checkResources(errors, `spec.${holder}[${i}]`, container, after[i] as Container, holder === 'initContainers'));
  }
  return errors;
}

/** Containers that run are known to be resizable by what their node tells of their resources. */
function canResize({ status }: Pod): boolean {
  const statuses = status?.containerStatuses ?? [];
  return statuses.some(({ resources }) => resources !== undefined) || !statuses.some(({ state }) => state?.running !== undefined);
}

function checkResources(errors: Errors, at: string, before: Container, after: Container, isInit: boolean): void {
  const [old, next] = [before.resources ?? {}, after.resources ?? {}];
  if (isInit && before.restartPolicy !== 'Always') {
    if (!equalJson(old, next) || !equalJson(before.resizePolicy, after.resizePolicy)) errors.push(fieldError.forbidden('spec', 'resources for non-sidecar init containers are immutable'));
    return;
  }
  for (const part of ['requests', 'limits'] as const) {
    const gone = Object.keys(old[part] ?? {}).some((name) => next[part]?.[name] === undefined);
    if (gone) errors.push(fieldError.forbidden(`${at}.resources.${part}`, `resource ${part} cannot be removed`));
  }
  const others = ({ requests = {}, limits = {}, claims }: NonNullable<Container['resources']>): unknown => [unsizable(requests), unsizable(limits), claims ?? []];
  if (!equalJson(others(old), others(next))) errors.push(fieldError.forbidden('spec', isInit ? 'only cpu and memory resources for sidecar containers are mutable' : 'only cpu and memory resources are mutable'));
}

const unsizable = (amounts: Readonly<Record<string, string>>): unknown => Object.fromEntries(Object.entries(amounts).filter(([name]) => !RESIZABLE.has(name)));
