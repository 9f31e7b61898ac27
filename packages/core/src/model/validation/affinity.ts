import { fieldError } from '../field-error.js';
import type { Affinity, NodeSelectorRequirement, NodeSelectorTerm, PodAffinity, PodAffinityTerm, Toleration, TopologySpreadConstraint } from '../kinds/affinity.js';
import { validateLabelSelector } from '../label-selector.js';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName, isValidLabelValue } from '../names.js';
import { invalidEach, oneOfIfSet, required } from './checks.js';
import type { Errors } from './checks.js';

// Where a pod may run (validateAffinity, ValidateTolerations, validateTopologySpreadConstraints).

const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

/** What is wrong with rules of attraction and repulsion. */
export function checkAffinity(errors: Errors, field: string, affinity: Affinity | undefined): void {
  if (affinity === undefined) return;
  const node = affinity.nodeAffinity;
  const terms = node?.[REQUIRED]?.nodeSelectorTerms;
  const at = `${field}.nodeAffinity.${REQUIRED}.nodeSelectorTerms`;
  if (terms?.length === 0) errors.push(fieldError.required(at, 'must have at least one node selector term'));
  terms?.forEach((term, i) => checkNodeTerm(errors, `${at}[${i}]`, term, true));
  node?.[PREFERRED]?.forEach(({ weight, preference }, i) => {
    const preferred = `${field}.nodeAffinity.${PREFERRED}[${i}]`;
    checkWeight(errors, preferred, weight);
    checkNodeTerm(errors, `${preferred}.preference`, preference, false);
  });
  checkPodAffinity(errors, `${field}.podAffinity`, affinity.podAffinity);
  checkPodAffinity(errors, `${field}.podAntiAffinity`, affinity.podAntiAffinity);
}

function checkWeight(errors: Errors, field: string, weight: number): void {
  if (weight < 1 || weight > 100) errors.push(fieldError.invalid(`${field}.weight`, weight, 'must be in the range 1-100'));
}

/** One term of a node selector; values of preferred terms need not look like labels. */
function checkNodeTerm(errors: Errors, field: string, term: NodeSelectorTerm, checkValues: boolean): void {
  term.matchExpressions?.forEach((requirement, i) => checkNodeRequirement(errors, `${field}.matchExpressions[${i}]`, requirement, checkValues));
  term.matchFields?.forEach(({ key, operator, values = [] }, i) => {
    const at = `${field}.matchFields[${i}]`;
    if (operator !== 'In' && operator !== 'NotIn') errors.push(fieldError.invalid(`${at}.operator`, operator, 'not a valid selector operator'));
    else if (values.length !== 1) errors.push(fieldError.required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
    if (key !== 'metadata.name') errors.push(fieldError.invalid(`${at}.key`, key, 'not a valid field selector key'));
    else values.forEach((value, j) => invalidEach(errors, `${at}.values[${j}]`, value, isDns1123Subdomain(value)));
  });
}

function checkNodeRequirement(errors: Errors, field: string, { key, operator, values = [] }: NodeSelectorRequirement, checkValues: boolean): void {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) errors.push(fieldError.required(`${field}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) errors.push(fieldError.forbidden(`${field}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) errors.push(fieldError.required(`${field}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      errors.push(fieldError.invalid(`${field}.operator`, operator, 'not a valid selector operator'));
  }
  invalidEach(errors, `${field}.key`, key, isQualifiedName(key));
  if (checkValues) values.forEach((value, i) => invalidEach(errors, `${field}.values[${i}]`, value, isValidLabelValue(value)));
}

function checkPodAffinity(errors: Errors, field: string, affinity: PodAffinity | undefined): void {
  affinity?.[REQUIRED]?.forEach((term, i) => checkPodTerm(errors, `${field}.${REQUIRED}[${i}]`, term));
  affinity?.[PREFERRED]?.forEach(({ weight, podAffinityTerm }, i) => {
    const at = `${field}.${PREFERRED}[${i}]`;
    checkWeight(errors, at, weight);
    checkPodTerm(errors, `${at}.podAffinityTerm`, podAffinityTerm);
  });
}

function checkPodTerm(errors: Errors, field: string, term: PodAffinityTerm): void {
  errors.push(...validateLabelSelector(term.labelSelector, `${field}.labelSelector`));
  errors.push(...validateLabelSelector(term.namespaceSelector, `${field}.namespaceSelector`));
  term.namespaces?.forEach((name) => invalidEach(errors, `${field}.namespaces`, name, isDns1123Label(name)));
  required(errors, `${field}.topologyKey`, term.topologyKey, 'can not be empty');
  invalidEach(errors, `${field}.topologyKey`, term.topologyKey, isQualifiedName(term.topologyKey));
}

/** What is wrong with tolerations. */
export function checkTolerations(errors: Errors, field: string, tolerations: readonly Toleration[]): void {
  tolerations.forEach(({ key = '', operator = '', value = '', effect = '', tolerationSeconds }, i) => {
    const at = `${field}[${i}]`;
    if (key !== '') invalidEach(errors, `${at}.key`, key, isQualifiedName(key));
    else if (operator !== 'Exists') errors.push(fieldError.invalid(`${at}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'));
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      errors.push(fieldError.invalid(`${at}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    }
    if (operator === '' || operator === 'Equal') invalidEach(errors, `${at}.operator`, value, isValidLabelValue(value));
    else if (operator !== 'Exists') errors.push(fieldError.notSupported(`${at}.operator`, operator, ['Equal', 'Exists']));
    else if (value !== '') errors.push(fieldError.invalid(`${at}.operator`, value, "value must be empty when `operator` is 'Exists'"));
    oneOfIfSet(errors, `${at}.effect`, effect, TAINT_EFFECTS);
  });
}

/** What a taint can do. */
export const TAINT_EFFECTS: readonly string[] = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** What is wrong with topology spread constraints. */
export function checkSpread(errors: Errors, field: string, constraints: readonly TopologySpreadConstraint[]): void {
  constraints.forEach((constraint, i) => {
    const at = `${field}[${i}]`;
    const { maxSkew, minDomains, topologyKey, whenUnsatisfiable, labelSelector, matchLabelKeys = [] } = constraint;
    if (maxSkew <= 0) errors.push(fieldError.invalid(`${at}.maxSkew`, maxSkew, 'must be greater than zero'));
    required(errors, `${at}.topologyKey`, topologyKey, 'can not be empty');
    if (whenUnsatisfiable !== 'DoNotSchedule' && whenUnsatisfiable !== 'ScheduleAnyway') {
      errors.push(fieldError.notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, ['DoNotSchedule', 'ScheduleAnyway']));
    }
    const twin = constraints.slice(i + 1).some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    if (twin) errors.push(fieldError.duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, `{${topologyKey}, ${whenUnsatisfiable}}`));
    if (minDomains !== undefined) {
      if (minDomains <= 0) errors.push(fieldError.invalid(`${at}.minDomains`, minDomains, 'must be greater than zero'));
      if (whenUnsatisfiable !== 'DoNotSchedule') errors.push(fieldError.invalid(`${at}.minDomains`, minDomains, 'can only use minDomains if whenUnsatisfiable=DoNotSchedule'));
    }
    oneOfIfSet(errors, `${at}.nodeAffinityPolicy`, constraint.nodeAffinityPolicy, ['Honor', 'Ignore']);
    oneOfIfSet(errors, `${at}.nodeTaintsPolicy`, constraint.nodeTaintsPolicy, ['Honor', 'Ignore']);
    errors.push(...validateLabelSelector(labelSelector, `${at}.labelSelector`));
    if (matchLabelKeys.length > 0 && labelSelector === undefined) {
      errors.push(fieldError.forbidden(`${at}.matchLabelKeys`, 'must not be specified when labelSelector is not set'));
    }
    const selected = [...Object.keys(labelSelector?.matchLabels ?? {}), ...(labelSelector?.matchExpressions ?? []).map(({ key }) => key)];
    matchLabelKeys.forEach((key, j) => {
      invalidEach(errors, `${at}.matchLabelKeys[${j}]`, key, isQualifiedName(key));
      if (selected.includes(key)) errors.push(fieldError.invalid(`${at}.matchLabelKeys[${j}]`, key, 'exists in both matchLabelKeys and labelSelector'));
    });
  });
}
