import { fieldError } from '../field-error.js';
import type { AppArmorProfile, PodSecurityContext, SeccompProfile, SecurityContext } from '../kinds/security-context.js';
import { oneOf, oneOfIfSet, required, descendingPath } from './checks.js';
import type { Errors } from './checks.js';

// Security settings (ValidateSecurityContext, validatePodSpecSecurityContext).

const SYSCTL = /^[a-z0-9](?:[-_a-z0-9]*[a-z0-9])?(?:[./][a-z0-9](?:[-_a-z0-9]*[a-z0-9])?)*$/;
const MAX_ID = 2 ** 31 - 1;

/** What is wrong with the security settings of a container. */
export function checkSecurityContext(errors: Errors, field: string, context: SecurityContext | undefined): void {
  if (context === undefined) return;
  checkId(errors, `${field}.runAsUser`, context.runAsUser);
  checkId(errors, `${field}.runAsGroup`, context.runAsGroup);
  oneOfIfSet(errors, `${field}.procMount`, context.procMount, ['Default', 'Unmasked']);
  checkSeccomp(errors, `${field}.seccompProfile`, context.seccompProfile);
  checkAppArmor(errors, `${field}.appArmorProfile`, context.appArmorProfile);
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged === true) errors.push(fieldError.invalid(field, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN') === true) {
      errors.push(fieldError.invalid(field, context, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'));
    }
  }
}

/** What is wrong with the security settings of a pod. */
export function checkPodSecurityContext(errors: Errors, field: string, context: PodSecurityContext | undefined): void {
  if (context === undefined) return;
  checkId(errors, `${field}.fsGroup`, context.fsGroup);
  checkId(errors, `${field}.runAsUser`, context.runAsUser);
  checkId(errors, `${field}.runAsGroup`, context.runAsGroup);
  context.supplementalGroups?.forEach((group, i) => checkId(errors, `${field}.supplementalGroups[${i}]`, group));
  const names = new Set<string>();
  context.sysctls?.forEach(({ name }, i) => {
    const at = `${field}.sysctls[${i}].name`;
    if (required(errors, at, name) && (name.length > 253 || !SYSCTL.test(name))) errors.push(fieldError.invalid(at, name, 'must have at most 253 characters and match the form of a sysctl name'));
    else if (names.has(name)) errors.push(fieldError.duplicate(at, name));
    names.add(name.replaceAll('/', '.'));
  });
  oneOfIfSet(errors, `${field}.fsGroupChangePolicy`, context.fsGroupChangePolicy, ['OnRootMismatch', 'Always']);
  oneOfIfSet(errors, `${field}.supplementalGroupsPolicy`, context.supplementalGroupsPolicy, ['Merge', 'Strict']);
  oneOfIfSet(errors, `${field}.seLinuxChangePolicy`, context.seLinuxChangePolicy, ['MountOption', 'Recursive']);
  checkSeccomp(errors, `${field}.seccompProfile`, context.seccompProfile);
  checkAppArmor(errors, `${field}.appArmorProfile`, context.appArmorProfile);
}

function checkId(errors: Errors, field: string, id: number | undefined): void {
  if (id !== undefined && (id < 0 || id > MAX_ID)) errors.push(fieldError.invalid(field, id, `must be between 0 and ${MAX_ID}, inclusive`));
}

function checkSeccomp(errors: Errors, field: string, profile: SeccompProfile | undefined): void {
  if (profile === undefined) return;
  oneOf(errors, `${field}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined']);
  checkLocalhost(errors, field, profile);
  if (profile.type === 'Localhost' && profile.localhostProfile !== undefined) descendingPath(errors, `${field}.localhostProfile`, profile.localhostProfile);
}

function checkAppArmor(errors: Errors, field: string, profile: AppArmorProfile | undefined): void {
  if (profile === undefined) return;
  oneOf(errors, `${field}.type`, profile.type, ['Localhost', 'RuntimeDefault', 'Unconfined']);
  checkLocalhost(errors, field, profile);
}

function checkLocalhost(errors: Errors, field: string, { type, localhostProfile }: SeccompProfile | AppArmorProfile): void {
  const at = `${field}.localhostProfile`;
  if (type === 'Localhost') required(errors, at, localhostProfile, 'must be set when profile type is Localhost');
  else if (localhostProfile !== undefined) errors.push(fieldError.invalid(at, localhostProfile, 'can only be set when profile type is Localhost'));
}

