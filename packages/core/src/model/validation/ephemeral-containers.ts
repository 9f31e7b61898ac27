import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { EphemeralContainer } from '../kinds/container.js';
import type { Pod } from '../kinds/pod.js';
import type { PodSpec } from '../kinds/pod-spec.js';
import type { Errors } from './checks.js';
import { checkContainer, checkName } from './container.js';

// Ephemeral containers (validateEphemeralContainers, ValidatePodEphemeralContainersUpdate).

/** What makes no sense for a container that is added to a running pod and never restarted. */
const FORBIDDEN = ['ports', 'resources', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'restartPolicy', 'resizePolicy'] as const satisfies readonly (keyof EphemeralContainer)[];
const MIRROR = 'kubernetes.io/config.mirror';

/** What is wrong with the ephemeral containers of a pod, if it has any. */
export function checkEphemeralContainers(errors: Errors, spec: PodSpec): void {
  const { ephemeralContainers = [], containers, initContainers = [], volumes = [] } = spec;
  if (ephemeralContainers.length === 0) return;
  const names = new Set([...containers, ...initContainers].map(({ name }) => name));
  const targets = new Set(names);
  const volumeNames = new Set(volumes.map(({ name }) => name));
  ephemeralContainers.forEach((container, i) => {
    const at = `spec.ephemeralContainers[${i}]`;
    checkName(errors, at, container.name, names);
    checkContainer(errors, at, container, volumeNames);
    const { targetContainerName = '' } = container;
    if (targetContainerName !== '' && !targets.has(targetContainerName)) errors.push(fieldError.notFound(`${at}.targetContainerName`, targetContainerName));
    for (const member of FORBIDDEN) {
      const value = container[member];
      if (value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)) continue;
      errors.push(fieldError.forbidden(`${at}.${member}`, 'cannot be set for an Ephemeral Container'));
    }
    container.volumeMounts?.forEach(({ subPath = '', subPathExpr = '' }, j) => {
      if (subPath !== '') errors.push(fieldError.forbidden(`${at}.volumeMounts[${j}].subPath`, 'cannot be set for an Ephemeral Container'));
      if (subPathExpr !== '') errors.push(fieldError.forbidden(`${at}.volumeMounts[${j}].subPathExpr`, 'cannot be set for an Ephemeral Container'));
    });
  });
}

/** What is wrong with a change through the subresource: containers are only added. */
export function validateEphemeralContainersUpdate(pod: Pod, old: Pod): FieldError[] {
  const errors: FieldError[] = [];
  const field = 'spec.ephemeralContainers';
  if (old.metadata.annotations?.[MIRROR] !== undefined) errors.push(fieldError.forbidden('', 'static pods do not support ephemeral containers'));
  const wanted = new Map((pod.spec.ephemeralContainers ?? []).map((container) => [container.name, container]));
  for (const container of old.spec.ephemeralContainers ?? []) {
    const next = wanted.get(container.name);
    if (next === undefined) errors.push(fieldError.forbidden(field, `existing ephemeral containers ${JSON.stringify(container.name)} may not be removed`));
    else if (!equalJson(next, container)) errors.push(fieldError.forbidden(field, `existing ephemeral containers ${JSON.stringify(container.name)} may not be changed`));
  }
  return errors;
}
