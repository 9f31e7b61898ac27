import { type Check, type Checked, containers, containersOf, isWindows, namesOf, quoted, sorted, type Violation } from './check.js';

// What containers may do beyond what any process may.

/** Everything. */
export const privileged: Check = {
  id: 'privileged',
  level: 'baseline',
  since: [
    [0, (pod) => {
      const names = namesOf(pod, ({ securityContext }) => securityContext?.privileged === true);
      return names.length === 0 ? undefined : { reason: 'privileged', detail: `${containers(names)} must not set securityContext.privileged=true` };
    }],
  ],
};

/** Getting more rights than they began with. */
export const allowPrivilegeEscalation: Check = {
  id: 'allowPrivilegeEscalation',
  level: 'restricted',
  since: [[8, escalation], [25, (pod) => (isWindows(pod) ? undefined : escalation(pod))]],
};

function escalation(pod: Checked): Violation | undefined {
  const names = namesOf(pod, ({ securityContext }) => securityContext?.allowPrivilegeEscalation !== false);
  return names.length === 0 ? undefined : { reason: 'allowPrivilegeEscalation != false', detail: `${containers(names)} must set securityContext.allowPrivilegeEscalation=false` };
}

const USUAL: ReadonlySet<string> = new Set([
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD', 'NET_BIND_SERVICE', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT',
]);

const addedOf = ({ securityContext }: ReturnType<typeof containersOf>[number]): readonly string[] => securityContext?.capabilities?.add ?? [];

/** What containers add, and may not; undefined: nothing. */
function additions(pod: Checked, mayAdd: (capability: string) => boolean): string | undefined {
  const names = namesOf(pod, (container) => !addedOf(container).every(mayAdd));
  const added = sorted(containersOf(pod).flatMap((container) => addedOf(container).filter((capability) => !mayAdd(capability))));
  return names.length === 0 ? undefined : `${containers(names)} must not include ${quoted(added)} in securityContext.capabilities.add`;
}

/** Capabilities that containers do not have by themselves. */
export const capabilitiesBaseline: Check = {
  id: 'capabilities_baseline',
  level: 'baseline',
  since: [
    [0, (pod) => {
      const detail = additions(pod, (capability) => USUAL.has(capability));
      return detail === undefined ? undefined : { reason: 'non-default capabilities', detail };
    }],
  ],
};

/** Capabilities at all, but for opening low ports. */
export const capabilitiesRestricted: Check = {
  id: 'capabilities_restricted',
  level: 'restricted',
  overrides: 'capabilities_baseline',
  since: [[22, fewCapabilities], [25, (pod) => (isWindows(pod) ? undefined : fewCapabilities(pod))]],
};

function fewCapabilities(pod: Checked): Violation | undefined {
  const keeping = namesOf(pod, ({ securityContext }) => securityContext?.capabilities?.drop?.includes('ALL') !== true);
  const details = [...(keeping.length === 0 ? [] : [`${containers(keeping)} must set securityContext.capabilities.drop=["ALL"]`]), additions(pod, (capability) => capability === 'NET_BIND_SERVICE')];
  const told = details.filter((detail) => detail !== undefined);
  return told.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: told.join('; ') };
}
