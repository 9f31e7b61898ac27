import type { CronJob, Deployment, HorizontalPodAutoscaler, Job, JobSpec, Pod, PodDisruptionBudget, PodSpec, PodTemplateSpec, ResourceQuota, Service } from '@orrery/core';
import type { SeededRandom } from '@orrery/core/testing';

/** The namespace of everything. */
export const NAMESPACE = 'default';
/** What each pod asks for, thousandths of a core. */
export const POD_MILLI_CPU = 50;

/** A deadline that is never reached, however clocks jump: it makes a pod one of scope Terminating. */
const LONG_SECONDS = 10_000_000;
const RESOURCES = { requests: { cpu: `${POD_MILLI_CPU}m`, memory: '64Mi' } };
const metadata = (name: string) => ({ name, namespace: NAMESPACE });

function template(app: string, container: object, pod: Partial<PodSpec> = {}): PodTemplateSpec {
  return { metadata: { labels: { app } }, spec: { containers: [{ name: 'main', image: 'sim:v1', resources: RESOURCES, ...container }], ...pod } } as PodTemplateSpec;
}

/** A Deployment that can be rolled where there is no room for one more pod. */
export function deployment(name: string, replicas: number, random: SeededRandom): Deployment {
  const strategy = random.chance(0.15) ? { type: 'Recreate' } : { type: 'RollingUpdate', rollingUpdate: { maxSurge: random.pick([0, 1, '50%']), maxUnavailable: random.pick([1, '50%']) } };
  const probe = random.chance(0.3) ? { readinessProbe: { httpGet: { port: 8080, path: '/' }, periodSeconds: 5 } } : {};
  const pod = template(name, { command: ['serve'], ...probe }, { terminationGracePeriodSeconds: random.pick([1, 5, 15]) });
  const spec = { replicas, selector: { matchLabels: { app: name } }, strategy, template: pod, minReadySeconds: random.pick([0, 0, 5]) };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: metadata(name), spec } as Deployment;
}

/** A Service for pods of one name. */
export const service = (name: string): Service =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: metadata(name), spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }] } }) as Service;

/** A budget for pods of one name. */
export function budget(name: string, random: SeededRandom): PodDisruptionBudget {
  const bound = random.pick([{ maxUnavailable: 1 }, { maxUnavailable: '40%' }, { minAvailable: 1 }, { minAvailable: '60%' }]);
  const policy = random.chance(0.3) ? { unhealthyPodEvictionPolicy: 'AlwaysAllow' } : {};
  return { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: metadata(name), spec: { selector: { matchLabels: { app: name } }, ...bound, ...policy } } as PodDisruptionBudget;
}

/** What an autoscaler of recipes keeps a Deployment between. */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

/** An autoscaler of a Deployment by the external metric of the same name, ten of it for each replica. */
export function autoscaler(name: string, { min, max }: Bounds, random: SeededRandom): HorizontalPodAutoscaler {
  const metrics = [{ type: 'External', external: { metric: { name }, target: { type: 'AverageValue', averageValue: '10' } } }];
  const behavior = { scaleDown: { stabilizationWindowSeconds: random.pick([0, 30, 60]) } };
  const spec = { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, minReplicas: min, maxReplicas: max, metrics, behavior };
  return { apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: metadata(name), spec } as HorizontalPodAutoscaler;
}

/** A quota for the pods of the namespace, or those of one scope. */
export const quota = (name: string, pods: number, scopes: string[] = []): ResourceQuota =>
  ({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: metadata(name), spec: { hard: { pods: String(pods), 'requests.cpu': `${pods * POD_MILLI_CPU}m` }, ...(scopes.length > 0 && { scopes }) } }) as ResourceQuota;

/** Whether a quota of recipes counts a pod that has not ended: all, or those of scope Terminating. */
export const isCounted = ({ spec }: ResourceQuota, pod: Pod): boolean => (spec.scopes ?? []).length === 0 || pod.spec.activeDeadlineSeconds !== undefined;

/** A Job of any sort. */
export function job(name: string, random: SeededRandom): Job {
  const spec = { ...jobSpec(name, random), ...(random.chance(0.15) && { suspend: true }), ...(random.chance(0.3) && { ttlSecondsAfterFinished: random.pick([0, 20]) }) };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata: metadata(name), spec } as Job;
}

function jobSpec(app: string, random: SeededRandom): JobSpec {
  const indexed = random.chance(0.5);
  const completions = 1 + random.int(4);
  const perIndex = indexed && random.chance(0.4);
  const policy = perIndex || random.chance(0.3);
  const restartPolicy = policy ? 'Never' : random.pick(['Never', 'OnFailure']);
  const counted = indexed || random.chance(0.8) ? { completions } : {};
  const limits = perIndex ? { backoffLimitPerIndex: random.int(3), ...(random.chance(0.5) && { maxFailedIndexes: random.int(completions + 1) }) } : { backoffLimit: random.int(5) };
  const args = ['try', String(random.int(15)), String(random.pick([0, 20, 50])), String(random.pick([1, 3]))];
  return {
    ...counted, ...limits, parallelism: 1 + random.int(3), template: template(app, { args }, { restartPolicy, terminationGracePeriodSeconds: 2, ...(random.chance(0.7) && { activeDeadlineSeconds: random.pick([300, LONG_SECONDS]) }) }),
    ...(indexed && { completionMode: 'Indexed' }),
    ...(policy && random.chance(0.7) && { podFailurePolicy: { rules: failureRules(perIndex, random) } }),
    ...(!policy && random.chance(0.3) && { podReplacementPolicy: random.pick(['Failed', 'TerminatingOrFailed']) }),
    ...(indexed && random.chance(0.2) && { successPolicy: { rules: [{ succeededCount: 1 + random.int(completions) }] } }),
    ...(random.chance(0.2) && { activeDeadlineSeconds: 20 + random.int(100) }),
  } as JobSpec;
}

function failureRules(perIndex: boolean, random: SeededRandom): readonly object[] {
  const disrupted = { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] };
  const code = { action: random.pick(perIndex ? ['FailIndex', 'FailJob', 'Count'] : ['FailJob', 'Count']), onExitCodes: { operator: 'In', values: [3] } };
  return random.chance(0.5) ? [disrupted, code] : [code];
}

const ZONES = ['America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe'];

/** A CronJob; those of every minute are due within a simulation, the others when the clock jumps. */
export function cronJob(name: string, concurrencyPolicy: string, random: SeededRandom): CronJob {
  const schedule = random.pick(['* * * * *', '* * * * *', '*/2 * * * *', '0 * * * *', '30 1-3 * * *']);
  const args = ['try', String(random.pick([2, 10, 75])), String(random.pick([0, 0, 40])), '1'];
  const spec = {
    schedule, concurrencyPolicy, ...(random.chance(0.5) && { timeZone: random.pick(ZONES) }), ...(random.chance(0.4) && { startingDeadlineSeconds: random.pick([30, 90, 600]) }),
    successfulJobsHistoryLimit: random.int(3), failedJobsHistoryLimit: random.int(2),
    jobTemplate: { spec: { backoffLimit: random.int(2), template: template(name, { args }, { restartPolicy: 'Never', terminationGracePeriodSeconds: 2, activeDeadlineSeconds: LONG_SECONDS }) } },
  };
  return { apiVersion: 'batch/v1', kind: 'CronJob', metadata: metadata(name), spec } as CronJob;
}
