import type { Check, Checked, CheckPod, Violation } from './checks/check.js';
import { hostNamespaces, hostPathVolumes, hostPorts, hostProbes, windowsHostProcess } from './checks/host.js';
import { allowPrivilegeEscalation, capabilitiesBaseline, capabilitiesRestricted, privileged } from './checks/privileges.js';
import { appArmorProfile, procMountBaseline, procMountRestricted, seccompBaseline, seccompRestricted, seLinuxOptions, sysctls } from './checks/profiles.js';
import { runAsNonRoot, runAsUser } from './checks/users.js';
import { restrictedVolumes } from './checks/volumes.js';
import type { LevelVersion } from './policy.js';

/** Those of each level by the alphabet, as they are told. */
const BASELINE = [appArmorProfile, capabilitiesBaseline, hostNamespaces, hostPathVolumes, hostPorts, hostProbes, privileged, procMountBaseline, seLinuxOptions, seccompBaseline, sysctls, windowsHostProcess];
const RESTRICTED = [allowPrivilegeEscalation, capabilitiesRestricted, procMountRestricted, restrictedVolumes, runAsNonRoot, runAsUser, seccompRestricted];

/** What is forbidden about a pod at a level, in Kubernetes' order. Pure. */
export function violationsOf({ level, version }: LevelVersion, pod: Checked): readonly Violation[] {
  if (level === 'privileged') return [];
  const minor = version === 'latest' ? Number.POSITIVE_INFINITY : version;
  const stricter = level === 'restricted' ? RESTRICTED.filter((check) => inVersion(check, minor) !== undefined) : [];
  const overridden = new Set(stricter.map(({ overrides }) => overrides));
  return [...BASELINE.filter(({ id }) => !overridden.has(id)), ...stricter].flatMap((check) => inVersion(check, minor)?.(pod) ?? []);
}

const inVersion = ({ since }: Check, minor: number): CheckPod | undefined => since.findLast(([from]) => from <= minor)?.[1];

/** `host namespaces (hostNetwork=true), privileged (container "c" must not set securityContext.privileged=true)`. */
export const detailsOf = (violations: readonly Violation[]): string => violations.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');
