import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { Container } from '../kinds/container.js';
import type { Pod } from '../kinds/pod.js';
import type { PodSpec } from '../kinds/pod-spec.js';
import { checkTolerations } from './affinity.js';
import { checkEphemeralContainers } from './ephemeral-containers.js';
import { subdomainIfSet } from './checks.js';
import type { Errors } from './checks.js';
import { checkPodSpec } from './pod-spec.js';

// Pods (ValidatePodCreate, ValidatePodUpdate, ValidatePodStatusUpdate).

/** What is wrong with a pod. */
export function validatePod({ spec }: Pod): FieldError[] {
  const errors: FieldError[] = [];
  checkPodSpec(errors, 'spec', spec);
  checkEphemeralContainers(errors, spec);
  for (const part of ['containers', 'initContainers'] as const) {
    spec[part]?.forEach(({ image = '' }, i) => {
      if (image.trim() !== image) errors.push(fieldError.invalid(`spec.${part}[${i}].image`, image, 'must not have leading or trailing whitespace'));
    });
  }
  if (spec.serviceAccountName === undefined) checkNoTokens(errors, spec);
  return errors;
}

/** What is wrong with a new pod besides that: ephemeral containers come only through a subresource of their own. */
export function validatePodCreate({ spec }: Pod): FieldError[] {
  return (spec.ephemeralContainers ?? []).length > 0 ? [fieldError.forbidden('spec.ephemeralContainers', 'cannot be set on create')] : [];
}

/** A token says who the pod is, so the pod must say that first. */
function checkNoTokens(errors: Errors, { volumes = [] }: PodSpec): void {
  volumes.forEach(({ projected }, i) =>
    projected?.sources.forEach(({ serviceAccountToken }, j) => {
      if (serviceAccountToken === undefined) return;
      errors.push(fieldError.forbidden(`spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`, 'must not be specified when serviceAccountName is not set'));
    }),
  );
}

/**
 * What is wrong with a change of a pod. Clients may change images, shorten `activeDeadlineSeconds`, add tolerations, remove scheduling
 * gates (and while gated narrow node selection); the rest is immutable.
 */
export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = [];
  const { spec } = pod;
  for (const part of ['containers', 'initContainers'] as const) {
    if ((spec[part] ?? []).length === (old.spec[part] ?? []).length) continue;
    errors.push(fieldError.forbidden(`spec.${part}`, 'pod updates may not add or remove containers'));
    return errors;
  }
  checkDeadline(errors, spec, old.spec);
  checkAddedTolerations(errors, spec, old.spec);
  checkRemovedGates(errors, spec, old.spec);
  if (!equalJson(withMutableOf(spec, old.spec), old.spec)) {
    errors.push(
      fieldError.forbidden(
        'spec',
        'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
      ),
    );
  }
  return errors;
}

function checkDeadline(errors: Errors, spec: PodSpec, old: PodSpec): void {
  const [next, last] = [spec.activeDeadlineSeconds, old.activeDeadlineSeconds];
  if (next === undefined && last !== undefined) errors.push(fieldError.invalid('spec.activeDeadlineSeconds', null, 'must not update from a positive integer to nil value'));
  if (next !== undefined && last !== undefined && last < next) errors.push(fieldError.invalid('spec.activeDeadlineSeconds', next, 'must be less than or equal to previous value'));
}

function checkAddedTolerations(errors: Errors, spec: PodSpec, old: PodSpec): void {
  const same = (a: object, b: object): boolean => equalJson({ ...a, tolerationSeconds: 0 }, { ...b, tolerationSeconds: 0 });
  const kept = (old.tolerations ?? []).every((toleration) => spec.tolerations?.some((one) => same(one, toleration)));
  if (!kept) errors.push(fieldError.forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'));
  else checkTolerations(errors, 'spec.tolerations', spec.tolerations ?? []);
}

function checkRemovedGates(errors: Errors, spec: PodSpec, old: PodSpec): void {
  spec.schedulingGates?.forEach(({ name }, i) => {
    if (!old.schedulingGates?.some((gate) => gate.name === name)) {
      errors.push(fieldError.forbidden(`spec.schedulingGates[${i}].name`, 'only deletion is allowed, but found new scheduling gate'));
    }
  });
}

/** The new spec with all that may change as it was: what then differs may not. */
function withMutableOf(spec: PodSpec, old: PodSpec): PodSpec {
  const images = (containers: readonly Container[] | undefined, before: readonly Container[] | undefined): Container[] | undefined =>
    containers?.map((container, i) => ({ ...container, image: before?.[i]?.image }));
  const gated = (old.schedulingGates ?? []).length > 0;
  return {
    ...spec,
    containers: images(spec.containers, old.containers) ?? [],
    initContainers: images(spec.initContainers, old.initContainers),
    activeDeadlineSeconds: old.activeDeadlineSeconds,
    tolerations: old.tolerations,
    schedulingGates: old.schedulingGates,
    ...(gated ? { nodeSelector: extended(spec.nodeSelector, old.nodeSelector) } : {}),
  };
}

/** The old selector, when the new one only adds to it. */
function extended(next: Record<string, string> | undefined, old: Record<string, string> | undefined): Record<string, string> | undefined {
  return Object.entries(old ?? {}).every(([key, value]) => next?.[key] === value) ? old : next;
}

/** What is wrong with a change of a pod's status: a container that ended for good does not come back. */
export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = [];
  subdomainIfSet(errors, 'status.nominatedNodeName', pod.status?.nominatedNodeName);
  const { restartPolicy } = old.spec;
  if (restartPolicy === 'Always') return errors;
  const sidecars = new Set((old.spec.initContainers ?? []).filter((container) => container.restartPolicy === 'Always').map(({ name }) => name));
  for (const part of ['containerStatuses', 'initContainerStatuses'] as const) {
    old.status?.[part]?.forEach(({ name, state }, i) => {
      const ended = state?.terminated;
      if (ended === undefined || sidecars.has(name) || (ended.exitCode !== 0 && restartPolicy === 'OnFailure')) return;
      const next = pod.status?.[part]?.find((status) => status.name === name);
      if (next !== undefined && next.state?.terminated === undefined) {
        errors.push(fieldError.forbidden(`status.${part}[${i}].state`, 'may not be transitioned to non-terminated state'));
      }
    });
  }
  return errors;
}
