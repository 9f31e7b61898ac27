import { countIndexes, daemonPlacement, daemonTolerations, formatIndexes, isPodAvailable, parseIndexes, podsToDelete, withIndexes } from '@orrery/controllers';
import { type Node, type Pod, type PodTemplateSpec, timeOfMillis } from '@orrery/core';
import { podPhase, readinessConditions } from '@orrery/node-agent';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

// Holds the life of pods against the kubelet and the ReplicaSet controller.

type StatusInput = Parameters<typeof podPhase>[0];

interface PodInput {
  readonly name: string;
  readonly uid?: string;
  readonly nodeName?: string;
  readonly phase?: string;
  readonly ageSeconds?: number;
  readonly readyForSeconds?: number;
  readonly restarts?: number;
  readonly deletionCost?: string;
}

const NOW = Date.UTC(2026, 0, 1);

/** Phase and conditions of pods, availability, which pods go first, where daemons run, and the indexes of Jobs. */
export const lifecycle: Family = { family: 'lifecycle', files: ['lifecycle'], prepare: () => run };

function run({ input, expected }: VectorCase): Outcome {
  switch (input['op']) {
    case 'podsToDelete': {
      const pods = (input['pods'] as readonly PodInput[]).map(podOf);
      const related = ((input['relatedPods'] ?? []) as readonly PodInput[]).map(podOf);
      const gone = podsToDelete(pods, [...pods, ...related], input['count'] as number, NOW);
      return compare({ delete: gone.map(({ metadata }) => metadata.name) }, expected);
    }
    case 'podAvailable': {
      const ready = input['ready'] as string | undefined;
      const pod = podWith(ready, input['transitionAgeSeconds'] as number | undefined);
      return compare({ available: isPodAvailable(pod, input['minReadySeconds'] as number, NOW) }, expected);
    }
    case 'podStatus':
      return compare(podStatus(input), expected);
    case 'daemonNode': {
      const { template } = (input['daemonSet'] as { readonly spec: { readonly template: PodTemplateSpec } }).spec;
      return compare({ ...daemonPlacement(template, input['node'] as Node), podTolerations: daemonTolerations(template) }, expected);
    }
    case 'jobIndexes': {
      const runs = parseIndexes(input['completedIndexes'] as string, input['completions'] as number);
      const merged = withIndexes(runs, input['newlySucceeded'] as readonly number[]);
      return compare({ parsed: formatIndexes(runs), count: countIndexes(runs), merged: formatIndexes(merged), mergedCount: countIndexes(merged) }, expected);
    }
    default:
      return 'not run';
  }
}

function podStatus(input: VectorCase['input']): unknown {
  const facts = {
    pod: input['pod'] as Pod,
    initStatuses: (input['initContainerStatuses'] ?? []) as StatusInput['initStatuses'],
    statuses: (input['containerStatuses'] ?? []) as StatusInput['statuses'],
    initialized: input['anyRegularContainerStarted'] as boolean,
  };
  const phase = podPhase({ ...facts, terminal: input['podIsTerminal'] as boolean });
  const foreign = (input['gateConditions'] ?? []) as Parameters<typeof readinessConditions>[0]['foreign'];
  const { containersReady, initialized, ready } = readinessConditions({ ...facts, phase, foreign });
  const shown = ({ status, reason = '', message = '' }: { readonly status: string; readonly reason?: string | undefined; readonly message?: string | undefined }): unknown => ({ message, reason, status });
  return { conditions: { ContainersReady: shown(containersReady), Initialized: shown(initialized), Ready: shown(ready) }, phase };
}

const podWith = (ready: string | undefined, ageSeconds: number | undefined): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  spec: { containers: [] },
  status: {
    ...(ready !== undefined && { conditions: [{ type: 'Ready', status: ready, ...(ageSeconds !== undefined && { lastTransitionTime: ago(ageSeconds) }) }] }),
  },
});

const ago = (seconds: number): string => timeOfMillis(NOW - seconds * 1000);

function podOf({ name, uid = '', nodeName, phase, ageSeconds, readyForSeconds, restarts, deletionCost }: PodInput): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid,
      ...(ageSeconds !== undefined && { creationTimestamp: ago(ageSeconds) }),
      ...(deletionCost !== undefined && { annotations: { 'controller.kubernetes.io/pod-deletion-cost': deletionCost } }),
    },
    spec: { containers: [], ...(nodeName !== undefined && { nodeName }) },
    status: {
      ...(phase !== undefined && { phase }),
      ...(readyForSeconds !== undefined && { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: ago(readyForSeconds) }] }),
      ...(restarts !== undefined && { containerStatuses: [{ name: 'c', restartCount: restarts, ready: false, image: 'i', imageID: '' }] }),
    },
  };
}
