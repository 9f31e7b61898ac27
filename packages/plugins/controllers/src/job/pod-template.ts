import type { Container, Job, Pod, PodTemplateSpec } from '@orrery/core';
import { podFromTemplate } from '../shared/pod-template.js';
import { judgeFailure } from './failure-policy.js';
import { FAILURES_ANNOTATION, failuresBefore, IGNORED_FAILURES_ANNOTATION, INDEX_KEY, TRACKING_FINALIZER } from './pod-facts.js';

const INDEX_VARIABLE = 'JOB_COMPLETION_INDEX';
/** Names that the server completes have five characters more, and 63 at most. */
const MAX_PREFIX = 58;

/** A pod of a Job without indexes. */
export const podOf = (job: Job): Pod => podFromTemplate(job, tracked(job.spec.template));

/** Makes pods of an Indexed Job: each knows its index by annotation, label, host name and variable. `last` is the failed pod that one takes the place of. */
export function indexedPods(job: Job): (index: number, last: Pod | undefined) => Pod {
  const { metadata, spec } = tracked(job.spec.template);
  const withVariable = { ...spec, containers: spec.containers.map(addVariable), ...(spec.initContainers && { initContainers: spec.initContainers.map(addVariable) }) };
  return (index, last) => {
    const label = { [INDEX_KEY]: String(index) };
    const failures = job.spec.backoffLimitPerIndex === undefined ? {} : failureAnnotations(job, last);
    const pod = podFromTemplate(job, {
      metadata: { ...metadata, labels: { ...metadata?.labels, ...label }, annotations: { ...metadata?.annotations, ...label, ...failures } },
      spec: { ...withVariable, hostname: `${job.metadata.name}-${index}` },
    });
    const suffix = `-${index}-`;
    pod.metadata.generateName = `${(job.metadata.name ?? '').slice(0, MAX_PREFIX - suffix.length)}${suffix}`;
    return pod;
  };
}

function tracked({ metadata, spec }: PodTemplateSpec): PodTemplateSpec {
  const finalizers = metadata?.finalizers ?? [];
  return { metadata: { ...metadata, finalizers: finalizers.includes(TRACKING_FINALIZER) ? finalizers : [...finalizers, TRACKING_FINALIZER] }, spec };
}

function addVariable(container: Container): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === INDEX_VARIABLE)) return container;
  return { ...container, env: [...env, { name: INDEX_VARIABLE, valueFrom: { fieldRef: { fieldPath: `metadata.labels['${INDEX_KEY}']` } } }] };
}

/** How often the index failed so far, for the pod that tries again. */
function failureAnnotations({ spec }: Job, last: Pod | undefined): Record<string, string> {
  const before = last === undefined ? { counted: 0, ignored: 0 } : failuresBefore(last);
  const counts = last !== undefined && judgeFailure(spec.podFailurePolicy, last).counts;
  const ignored = before.ignored + (last !== undefined && !counts ? 1 : 0);
  return { [FAILURES_ANNOTATION]: String(before.counted + (counts ? 1 : 0)), ...(ignored > 0 && { [IGNORED_FAILURES_ANNOTATION]: String(ignored) }) };
}
