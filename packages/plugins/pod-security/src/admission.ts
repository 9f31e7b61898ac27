import { type Admission, type AdmissionRequest, ApiError, type KubeObject, Namespace, type Pod, type PodTemplateSpec } from '@orrery/core';
import type { Checked, Violation } from './checks/check.js';
import { detailsOf, violationsOf } from './evaluate.js';
import { checkedPod, warningsOf } from './existing.js';
import { isSame, LEVELS, type Policy, policyOf, told } from './policy.js';

/** Who is not looked at. */
export interface Exemptions {
  readonly namespaces: readonly string[];
  /** Names of users who make pods; those of controllers would exempt all that others make through them. */
  readonly usernames: readonly string[];
  readonly runtimeClasses: readonly string[];
}

/** What the step needs. */
export interface PodSecurityOptions {
  readonly defaults: Policy;
  readonly exemptions: Exemptions;
  /** The labels of a namespace; undefined: there is none. */
  labelsOf(namespace: string): Promise<Readonly<Record<string, string>> | undefined>;
  podsIn(namespace: string): Promise<readonly Pod[]>;
}

/** The paths of pods that change nothing about what they may do. */
const HARMLESS: ReadonlySet<string> = new Set(['exec', 'attach', 'binding', 'eviction', 'log', 'portforward', 'proxy', 'status', 'resize', 'finalize']);
/** Who has a template of pods, and where. */
const TEMPLATES: ReadonlySet<string> = new Set(['apps/deployments', 'apps/replicasets', 'apps/statefulsets', 'apps/daemonsets', 'batch/jobs', 'batch/cronjobs', '/replicationcontrollers', '/podtemplates']);
const ANNOTATION = 'pod-security.kubernetes.io/';

/** Pod Security Admission: pods and templates of pods are held to the level of their namespace. */
export function podSecurityStep(options: PodSecurityOptions): Admission {
  return {
    name: 'PodSecurity',
    handles: ({ operation, ref: { group, resource, subresource } }) => {
      if (operation === 'DELETE') return false;
      if (group === '' && resource === 'pods') return !HARMLESS.has(subresource ?? '');
      return subresource === undefined && ((group === '' && resource === 'namespaces') || TEMPLATES.has(`${group}/${resource}`));
    },
    validate: (request) => {
      if (request.ref.resource === 'namespaces') return checkNamespace(request, options);
      return request.ref.resource === 'pods' ? checkPod(request, options) : checkTemplate(request, options);
    },
  };
}

async function checkNamespace({ object, old, operation, warn }: AdmissionRequest, { defaults, exemptions, podsIn }: PodSecurityOptions): Promise<void> {
  const { metadata } = object as KubeObject;
  const name = metadata.name ?? '';
  const { policy, errors } = policyOf(metadata.labels, defaults);
  const before = operation === 'UPDATE' ? policyOf(old?.metadata.labels, defaults) : undefined;
  const isNew = JSON.stringify(errors) !== JSON.stringify(before?.errors ?? []);
  if (errors.length > 0 && isNew) throw ApiError.invalid(Namespace, name, errors);
  if (before === undefined || exemptions.namespaces.includes(name)) return;
  const [now, then] = [policy.enforce, before.policy.enforce];
  const isStricter = now.level !== 'privileged' && !isSame(now, then) && (now.version !== then.version || LEVELS.indexOf(now.level) > LEVELS.indexOf(then.level));
  if (isStricter) for (const text of warningsOf(name, now, await podsIn(name), (pod) => isExemptClass(pod.spec.runtimeClassName, exemptions))) warn(text);
}

const isExemptClass = (name: string | undefined, { runtimeClasses }: Exemptions): boolean => name !== undefined && runtimeClasses.includes(name);

async function checkPod(request: AdmissionRequest, options: PodSecurityOptions): Promise<void> {
  const { operation, object, old } = request;
  if (operation === 'UPDATE' && !isSignificant(object as Pod, old as Pod)) return;
  await check(request, checkedPod(object as Pod), true, options);
}

async function checkTemplate(request: AdmissionRequest, options: PodSecurityOptions): Promise<void> {
  const { spec, template: ofItself } = request.object as KubeObject & { spec?: { template?: PodTemplateSpec; jobTemplate?: { spec?: { template?: PodTemplateSpec } } }; template?: PodTemplateSpec };
  const template = spec?.template ?? spec?.jobTemplate?.spec?.template ?? ofItself;
  if (template?.spec !== undefined) await check(request, { annotations: template.metadata?.annotations ?? {}, spec: template.spec }, false, options);
}

async function check(request: AdmissionRequest, pod: Checked, enforced: boolean, { defaults, exemptions, labelsOf }: PodSecurityOptions): Promise<void> {
  const { ref: { namespace = '', resource, group }, user, object, warn, annotate } = request;
  const exempt = exemptions.namespaces.includes(namespace) ? 'namespace' : exemptions.usernames.includes(user.name) ? 'user' : isExemptClass(pod.spec.runtimeClassName, exemptions) ? 'runtimeClass' : undefined;
  if (exempt !== undefined) return annotate(`${ANNOTATION}exempt`, exempt);
  const labels = await labelsOf(namespace);
  const { policy, errors } = policyOf(labels, defaults);
  if (errors.length > 0) annotate(`${ANNOTATION}error`, `Failed to parse policy: ${errors.map(({ field, message }) => `${field}: ${message}`).join(', ')}`);
  const known = new Map<string, readonly Violation[]>();
  const violations = (mode: keyof Policy): readonly Violation[] => {
    const key = told(policy[mode]);
    const found = known.get(key) ?? violationsOf(policy[mode], pod);
    known.set(key, found);
    return found;
  };
  const says = (mode: keyof Policy): string => `violate PodSecurity ${JSON.stringify(told(policy[mode]))}: ${detailsOf(violations(mode))}`;
  if (enforced) annotate(`${ANNOTATION}enforce-policy`, told(policy.enforce));
  if (violations('audit').length > 0) annotate(`${ANNOTATION}audit-violations`, `would ${says('audit')}`);
  if (enforced && violations('enforce').length > 0) {
    const name = object?.metadata.name ?? '';
    throw new ApiError('Forbidden', `${group === '' ? resource : `${resource}.${group}`} ${JSON.stringify(name)} is forbidden: ${says('enforce').replace(/^violate/, 'violates')}`, { name, kind: resource, ...(group !== '' && { group }) });
  }
  if (violations('warn').length > 0) warn(`would ${says('warn')}`);
}

const SECCOMP = ['seccomp.security.alpha.kubernetes.io/pod', 'container.seccomp.security.alpha.kubernetes.io/'] as const;

/** Whether a change of a pod is one of what matters here: of what else may be changed about pods nothing does. */
function isSignificant(pod: Pod, old: Pod): boolean {
  const containersOf = ({ spec }: Pod) => [...(spec.initContainers ?? []), ...spec.containers, ...(spec.ephemeralContainers ?? [])];
  const annotationsOf = ({ metadata }: Pod) => metadata.annotations ?? {};
  if (annotationsOf(pod)[SECCOMP[0]] !== annotationsOf(old)[SECCOMP[0]]) return true;
  const before = new Map(containersOf(old).map((container) => [container.name, container]));
  const now = containersOf(pod);
  if (now.length !== before.size) return true;
  return now.some(({ name, image }) => before.get(name)?.image !== image || annotationsOf(pod)[`${SECCOMP[1]}${name}`] !== annotationsOf(old)[`${SECCOMP[1]}${name}`]);
}
