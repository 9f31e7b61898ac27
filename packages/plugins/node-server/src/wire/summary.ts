import { millisOfTime, type NodeUsage, type PodUsage, type ResourceUsage, microTimeOfMillis } from '@orrery/core';
import { z } from 'zod';

// What a node and its pods use, as the kubelet tells it (`/stats/summary`, stats/v1alpha1), and back. Pure.
// `windowSeconds` is not the kubelet's: it says over how long a rate was taken.

const NANOS_OF_MILLI = 1_000_000;
/** Where nothing is said of it: how long cAdvisor looks. */
const USUAL_WINDOW_SECONDS = 15;

const cpu = z.object({ usageNanoCores: z.number().nonnegative().optional() }).optional();
const memory = z.object({ workingSetBytes: z.number().nonnegative().optional() }).optional();
const time = z.string().max(64).optional();
const windowSeconds = z.number().nonnegative().max(86_400).default(USUAL_WINDOW_SECONDS);
const summary = z.object({
  node: z.object({ nodeName: z.string().max(253), startTime: time, time, windowSeconds, cpu, memory }),
  pods: z
    .array(
      z.object({
        podRef: z.object({ name: z.string().max(253), namespace: z.string().max(63), uid: z.string().max(253) }),
        time,
        windowSeconds,
        containers: z.array(z.object({ name: z.string().max(63), cpu, memory })).max(1_000).default([]),
      }),
    )
    .max(10_000)
    .default([]),
});

/** The use of one node and its pods. */
export interface NodeMeasures {
  /** Absent until it was measured. */
  readonly node: NodeUsage | undefined;
  readonly pods: readonly PodUsage[];
}

/** In the kubelet's form. */
export function summaryOf(name: string, { node, pods }: NodeMeasures): object {
  return {
    node: { nodeName: name, ...(node !== undefined && { ...timed(node), ...statsOf(node, node.timestamp) }) },
    pods: pods.map((pod) => ({
      podRef: { name: pod.name, namespace: pod.namespace, uid: pod.uid },
      ...timed(pod),
      containers: pod.containers.map((container) => ({ name: container.name, ...statsOf(container, pod.timestamp) })),
    })),
  };
}

const timed = ({ timestamp, windowMs }: { readonly timestamp: number; readonly windowMs: number }): object => ({ time: microTimeOfMillis(timestamp), windowSeconds: windowMs / 1000 });

function statsOf({ cpuMillis, memoryBytes }: ResourceUsage, timestamp: number): object {
  const at = microTimeOfMillis(timestamp);
  return { ...(cpuMillis !== undefined && { cpu: { time: at, usageNanoCores: Math.round(cpuMillis * NANOS_OF_MILLI) } }), memory: { time: at, workingSetBytes: memoryBytes } };
}

/** Out of the kubelet's form; what is not whole is left out. Throws what zod throws for what is none. @param now when it was asked, milliseconds since the epoch */
export function measuresOf(text: string, name: string, now: number): NodeMeasures {
  const { node, pods } = summary.parse(JSON.parse(text));
  const use = usageOf(node);
  return {
    // One node speaks for no other.
    node: use === undefined ? undefined : { name, ...spanOf(node, now), ...use },
    pods: pods.flatMap((pod) => {
      const containers = pod.containers.flatMap((container) => {
        const used = usageOf(container);
        return used === undefined ? [] : [{ name: container.name, ...used }];
      });
      return containers.length === 0 ? [] : [{ ...pod.podRef, ...spanOf(pod, now), containers }];
    }),
  };
}

type Told = { readonly time?: string | undefined; readonly windowSeconds: number };

/** A node's clock may be wrong, but not so that its samples count before all others for ever. */
const spanOf = (told: Told, now: number): { readonly timestamp: number; readonly windowMs: number } => ({ timestamp: Math.min(now, (told.time === undefined ? undefined : millisOfTime(told.time)) ?? now), windowMs: told.windowSeconds * 1000 });

function usageOf({ cpu: spent, memory: held }: { readonly cpu?: z.output<typeof cpu>; readonly memory?: z.output<typeof memory> }): ResourceUsage | undefined {
  if (held?.workingSetBytes === undefined) return undefined;
  return { memoryBytes: held.workingSetBytes, ...(spent?.usageNanoCores !== undefined && { cpuMillis: spent.usageNanoCores / NANOS_OF_MILLI }) };
}
