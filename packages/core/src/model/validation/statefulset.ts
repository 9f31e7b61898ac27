import { fieldError } from '../field-error.js';
import type { FieldError } from '../field-error.js';
import { equalJson } from '../json.js';
import type { LabelSelector } from '../kinds/selectors.js';
import type { RollingUpdateStatefulSet, StatefulSet, StatefulSetSpec } from '../kinds/statefulset.js';
import type { Volume } from '../kinds/volumes.js';
import { labelMatcher, validateLabelSelector } from '../label-selector.js';
import { isDns1123Label } from '../names.js';
import { invalidEach, notNegative } from './checks.js';
import type { Errors } from './checks.js';
import { checkClaimSpec } from './claims.js';
import { checkAlwaysRestarted, checkPodTemplate } from './pod-template.js';
import { checkAtMostAll, checkIntOrPercent, figure } from './replacing.js';

// StatefulSets: ValidateStatefulSetSpec and its neighbours.

/** What an update does not check again: it cannot be mended, or was let in by an older rule. */
interface Leniency {
  readonly serviceName: boolean;
  readonly claims: boolean;
  readonly template: boolean;
}

const STRICT: Leniency = { serviceName: false, claims: false, template: false };

/** What is wrong with a new StatefulSet. */
export function validateNewStatefulSet({ spec }: StatefulSet): FieldError[] {
  return specErrors(spec, STRICT);
}

/** The parts of a spec that an update may change. */
const MUTABLE = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds'] as const;
const FROZEN = `updates to statefulset spec for fields other than ${MUTABLE.slice(0, -1).map((field) => `'${field}'`).join(', ')} and 'minReadySeconds' are forbidden`;

/** What is wrong with a changed StatefulSet, and with the change. */
export function validateStatefulSetUpdate({ spec }: StatefulSet, old: StatefulSet): FieldError[] {
  const errors = specErrors(spec, { serviceName: true, claims: true, template: specErrors(old.spec, { ...STRICT, serviceName: true, claims: true }).length > 0 });
  if (!equalJson(immutablePart(spec), immutablePart(old.spec))) errors.push(fieldError.forbidden('spec', FROZEN));
  return errors;
}

function immutablePart(spec: StatefulSetSpec): object {
  return { ...spec, ...Object.fromEntries(MUTABLE.map((field) => [field, undefined])) };
}

function specErrors(spec: StatefulSetSpec, lenient: Leniency): FieldError[] {
  const errors: FieldError[] = [];
  const { podManagementPolicy, ordinals, serviceName } = spec;
  if (podManagementPolicy !== 'OrderedReady' && podManagementPolicy !== 'Parallel') {
    errors.push(fieldError.invalid('spec.podManagementPolicy', podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"));
  }
  checkStrategy(errors, spec);
  for (const when of ['whenDeleted', 'whenScaled'] as const) {
    const policy = spec.persistentVolumeClaimRetentionPolicy?.[when];
    if (policy !== undefined && policy !== 'Retain' && policy !== 'Delete') {
      errors.push(fieldError.notSupported(`spec.persistentVolumeClaimRetentionPolicy.${when}`, policy, ['Retain', 'Delete']));
    }
  }
  notNegative(errors, 'spec.replicas', spec.replicas);
  notNegative(errors, 'spec.minReadySeconds', spec.minReadySeconds);
  notNegative(errors, 'spec.ordinals.start', ordinals?.start);
  if (!lenient.serviceName && serviceName !== '') invalidEach(errors, 'spec.serviceName', serviceName, isDns1123Label(serviceName));
  if (!lenient.claims) spec.volumeClaimTemplates?.forEach((claim, i) => checkClaimSpec(errors, `spec.volumeClaimTemplates[${i}].spec`, claim.spec));
  checkSelectorAndTemplate(errors, spec, lenient);
  checkAlwaysRestarted(errors, 'spec.template', spec.template, 'StatefulSet');
  return errors;
}

function checkSelectorAndTemplate(errors: Errors, spec: StatefulSetSpec, lenient: Leniency): void {
  const selector = spec.selector as LabelSelector | undefined;
  if (selector === undefined) {
    errors.push(fieldError.required('spec.selector'));
  } else {
    errors.push(...validateLabelSelector(selector, 'spec.selector'));
    if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0) {
      errors.push(fieldError.invalid('spec.selector', selector, 'empty selector is invalid for statefulset'));
    }
  }
  const labels = spec.template.metadata?.labels;
  try {
    const matcher = labelMatcher(selector);
    if (!matcher.empty && !matcher.matches(labels)) errors.push(fieldError.invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    errors.push(fieldError.invalid('spec.selector', selector, ''));
    return;
  }
  if (!lenient.template) checkPodTemplate(errors, 'spec.template', { ...spec.template, spec: { ...spec.template.spec, volumes: volumesOf(spec) } });
}

/** The volumes that pods will have: one of each claim, and those of the template whose names no claim has taken (volumesToAddForTemplates). */
function volumesOf({ volumeClaimTemplates = [], template }: StatefulSetSpec): Volume[] {
  const claims = new Set(volumeClaimTemplates.map(({ metadata }) => metadata.name ?? ''));
  const ofClaims = [...claims].map((name): Volume => ({ name, persistentVolumeClaim: { claimName: name } }));
  return [...ofClaims, ...(template.spec.volumes ?? []).filter(({ name }) => !claims.has(name))];
}

function checkStrategy(errors: Errors, { updateStrategy = {} }: StatefulSetSpec): void {
  const { type, rollingUpdate } = updateStrategy;
  if (type === 'OnDelete') {
    if (rollingUpdate !== undefined) errors.push(fieldError.invalid('spec.updateStrategy.rollingUpdate', rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'"));
  } else if (type !== 'RollingUpdate') {
    errors.push(fieldError.invalid('spec.updateStrategy', updateStrategy, "must be 'RollingUpdate' or 'OnDelete'"));
  } else if (rollingUpdate !== undefined) {
    notNegative(errors, 'spec.updateStrategy.rollingUpdate.partition', rollingUpdate.partition);
    checkMaxUnavailable(errors, rollingUpdate);
  }
}

function checkMaxUnavailable(errors: Errors, { maxUnavailable }: RollingUpdateStatefulSet): void {
  if (maxUnavailable === undefined) return;
  const field = 'spec.updateStrategy.rollingUpdate.maxUnavailable';
  checkIntOrPercent(errors, field, maxUnavailable);
  if (figure(maxUnavailable) === 0) errors.push(fieldError.invalid(field, maxUnavailable, 'cannot be 0'));
  checkAtMostAll(errors, field, maxUnavailable);
}

/**
 * Kubernetes 1.36 drops `maxUnavailable` of StatefulSets unless a feature gate is opened, so that objects with a bad one exist and are accepted.
 * Here a good one counts, and a bad one is dropped likewise.
 */
export function dropBadMaxUnavailable({ spec }: StatefulSet): void {
  const rolling = spec.updateStrategy?.rollingUpdate;
  if (rolling?.maxUnavailable === undefined) return;
  const errors: FieldError[] = [];
  checkMaxUnavailable(errors, rolling);
  if (errors.length > 0) delete rolling.maxUnavailable;
}

const COUNTS = ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas', 'observedGeneration', 'collisionCount'] as const;

/** What is wrong with a change of status (ValidateStatefulSetStatusUpdate). */
export function validateStatefulSetStatus({ status }: StatefulSet, old: StatefulSet): FieldError[] {
  const errors: FieldError[] = [];
  for (const count of COUNTS) notNegative(errors, `status.${count}`, status?.[count]);
  const { replicas = 0, readyReplicas = 0, availableReplicas = 0, collisionCount = 0 } = status ?? {};
  for (const count of ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'] as const) {
    const value = status?.[count] ?? 0;
    if (value > replicas) errors.push(fieldError.invalid(`status.${count}`, value, 'cannot be greater than status.replicas'));
  }
  if (availableReplicas > readyReplicas) errors.push(fieldError.invalid('status.availableReplicas', availableReplicas, 'cannot be greater than status.readyReplicas'));
  if (collisionCount < (old.status?.collisionCount ?? 0)) errors.push(fieldError.invalid('status.collisionCount', collisionCount, 'cannot be decremented'));
  return errors;
}
