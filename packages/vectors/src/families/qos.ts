import { type Amounts, amountOf, DEFAULT_MEMORY_REQUEST, DEFAULT_MILLI_CPU_REQUEST, oomScoreAdj, Pod, podLimits, podQosClass, podRequests, requestsWithoutOverhead } from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

// Holds quality of service, memory-killer scores and the sums of requests and limits against the kubelet and component-helpers.

/** What pods ask for, and who goes first when memory runs out. */
export const qos: Family = { family: 'qos', files: ['qos'], prepare: () => run };

function run({ input, expected }: VectorCase): Outcome {
  switch (input['op']) {
    case 'pod':
      return compare(podFacts(structuredClone(input['pod']) as Pod, input['nodeMemoryBytes'] as number), { ...expected, ...numbersOf(expected, ['requests', 'requestsWithoutOverhead', 'limits']) });
    default:
      return 'not run';
  }
}

/** Compared as numbers: how a sum of quantities is written is not the subject here. */
function numbersOf(expected: VectorCase['expected'], names: readonly string[]): Record<string, Amounts> {
  const entries = names.filter((name) => expected[name] !== undefined).map((name): [string, Amounts] => {
    const texts = Object.entries(expected[name] as Record<string, string>);
    return [name, Object.fromEntries(texts.map(([resource, text]) => [resource, amountOf(resource, text)]))];
  });
  return Object.fromEntries(entries);
}

function podFacts(pod: Pod, nodeMemoryBytes: number): Record<string, unknown> {
  Pod.rules.applyDefaults?.(pod);
  const containers = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const filled = podRequests(pod, { defaults: { cpu: DEFAULT_MILLI_CPU_REQUEST, memory: DEFAULT_MEMORY_REQUEST } });
  return {
    qosClass: podQosClass(pod),
    oomScoreAdj: Object.fromEntries(containers.map((container) => [container.name, oomScoreAdj(pod, container, nodeMemoryBytes)])),
    requests: podRequests(pod),
    requestsWithoutOverhead: requestsWithoutOverhead(pod),
    limits: podLimits(pod),
    nonZeroRequests: { cpu: filled['cpu'], memory: filled['memory'] },
  };
}
