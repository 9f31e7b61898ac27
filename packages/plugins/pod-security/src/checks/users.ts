import { type Check, type Checked, containers, hasOwnUsers, namesOf, setters, type Violation } from './check.js';

// As whom containers run.

/** Containers must say that they are not root. */
export const runAsNonRoot: Check = { id: 'runAsNonRoot', level: 'restricted', since: [[0, nonRoot], [35, (pod) => (hasOwnUsers(pod) ? undefined : nonRoot(pod))]] };

function nonRoot(pod: Checked): Violation | undefined {
  const whole = pod.spec.securityContext?.runAsNonRoot;
  const saying = namesOf(pod, ({ securityContext }) => securityContext?.runAsNonRoot === false);
  const reason = 'runAsNonRoot != true';
  if (whole === false || saying.length > 0) return { reason, detail: `${setters(whole === false, saying)} must not set securityContext.runAsNonRoot=false` };
  const silent = whole === true ? [] : namesOf(pod, ({ securityContext }) => securityContext?.runAsNonRoot === undefined);
  return silent.length === 0 ? undefined : { reason, detail: `pod or ${containers(silent)} must set securityContext.runAsNonRoot=true` };
}

/** Containers must not be made root. */
export const runAsUser: Check = { id: 'runAsUser', level: 'restricted', since: [[23, notZero], [35, (pod) => (hasOwnUsers(pod) ? undefined : notZero(pod))]] };

function notZero(pod: Checked): Violation | undefined {
  const isRoot = (id: number | bigint | undefined): boolean => id !== undefined && Number(id) === 0;
  const whole = isRoot(pod.spec.securityContext?.runAsUser);
  const names = namesOf(pod, ({ securityContext }) => isRoot(securityContext?.runAsUser));
  return names.length === 0 && !whole ? undefined : { reason: 'runAsUser=0', detail: `${setters(whole, names)} must not set runAsUser=0` };
}
