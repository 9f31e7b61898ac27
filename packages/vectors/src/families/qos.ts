import { type Amounts, amountOf, DEFAULT_MEMORY_REQUEST, DEFAULT_MILLI_CPU_REQUEST, oomScoreAdj, Pod, podLimits, podQosClass, podRequests, requestsWithoutOverhead } from '@orrery/core';
import { type Candidate, parseThresholds, rankForEviction, type Statements } from '@orrery/node-agent';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

// Holds quality of service, memory-killer scores and the sums of requests and limits against the kubelet and component-helpers.

/** What pods ask for, and who goes first when memory runs out. */
export const qos: Family = { family: 'qos', files: ['qos'], prepare: () => run };

function run({ input, expected }: VectorCase): Outcome {
  switch (input['op']) {
    case 'pod':
      return compare(podFacts(structuredClone(input['pod']) as Pod, input['nodeMemoryBytes'] as number), { ...expected, ...numbersOf(expected, ['requests', 'requestsWithoutOverhead', 'limits']) });
    case 'evictionRank': {
      const candidates = (input['pods'] as RankedPod[]).map(candidateOf);
      const ranked = (signal: 'memory.available' | 'pid.available'): unknown => rankForEviction(signal, candidates, false).map(({ pod }) => pod.metadata.name);
      return compare({ memoryPressure: ranked('memory.available'), pidPressure: ranked('pid.available') }, expected);
    }
    case 'evictionHard':
      return compare(thresholdFacts(input['value'] as Statements), { ...expected, thresholds: bySignal(expected['thresholds'] as ThresholdFacts[] | null) });
    default:
      return 'not run';
  }
}

interface RankedPod {
  readonly name: string;
  readonly priority: number;
  readonly requestBytes: number;
  /** Absent: the kubelet knows nothing of the pod's use. */
  readonly workingSetBytes?: number;
  readonly processes?: number;
}

function candidateOf({ name, priority, requestBytes, workingSetBytes, processes }: RankedPod): Candidate {
  const resources = requestBytes === 0 ? {} : { requests: { memory: String(requestBytes) } };
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { priority, containers: [{ name: 'main', resources }] } } as Pod;
  if (workingSetBytes === undefined) return { pod };
  return { pod, usage: { containers: [{ name: 'main', workingSetBytes, ...(processes !== undefined && { processes }) }], volumes: new Map() } };
}

interface ThresholdFacts {
  readonly signal: string;
  readonly operator: string;
  readonly quantity?: string;
  readonly percentage?: number;
}

/** What is read from a Go map has no order. */
const bySignal = (thresholds: readonly ThresholdFacts[] | null): readonly ThresholdFacts[] | null => thresholds && [...thresholds].sort((a, b) => (a.signal < b.signal ? -1 : 1));

function thresholdFacts(statements: Statements): Record<string, unknown> {
  try {
    const thresholds = parseThresholds(statements).map(({ signal, value }): ThresholdFacts => ({ signal, operator: 'LessThan', ...value }));
    return { error: false, thresholds: thresholds.length === 0 ? null : bySignal(thresholds) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { error: true, thresholds: null };
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
