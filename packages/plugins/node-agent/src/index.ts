/**
 * What the kubelet does: runs the pods that are bound to a node, on any runtime.
 * @packageDocumentation
 */
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Client, definePlugin, Events, Hooks, hooks, Informers, Instruments, MetricsSources, parseQuantity, PodStreams, Runtimes, Tracer } from '@orrery/core';
import { z } from 'zod';
import { NodeAgent } from './agent.js';
import type { DiskSpace } from './images/plan-collection.js';
import { imageSettings, imageSettingsFields } from './images/settings.js';
import { evictionOption, evictionSettings } from './eviction/settings.js';
import { MachineMeter } from './metrics/machine-meter.js';
import type { NodeMeter } from './metrics/meter.js';
import { StartMetrics } from './metrics/start-metrics.js';
import { StartTraces } from './metrics/start-traces.js';
import { readDisk, readMachine } from './node/machine.js';
import { type NodeSettings, nodeSettingsFields } from './pod/node-settings.js';
import { NetworkProber, type Prober } from './probes/prober.js';
import { ManifestFolder } from './static-pods/manifest-folder.js';
import { ReachableStreams } from './streams/reachable-streams.js';

export { NodeAgent } from './agent.js';
export type { NodeAgentOptions } from './agent-options.js';
export { type MachineFacts, readMachine } from './node/machine.js';
export type { HeartbeatTimes } from './node/heartbeat.js';
export type { NodeConfig } from './node/node-object.js';
export { planPod, type ContainerHealth, type PlanInput, type PodAction } from './pod/plan.js';
export { podPhase, type PhaseInput } from './pod/phase.js';
export { readinessConditions, type ConditionInput } from './pod/conditions.js';
export { admitPod, type Rejection } from './pod/admission.js';
export type { CrashEntry } from './pod/backoff.js';
export type { PodView } from './pod/view.js';
export { type NodeSettings, nodeSettings } from './pod/node-settings.js';
export type { Policy } from './policy/policy.js';
export type { DiskSpace } from './images/plan-collection.js';
export { imageSettings, type ImageSettings } from './images/settings.js';
export { type EvictionSettings, evictionSettings, KUBELET_EVICTION_HARD } from './eviction/settings.js';
export type { FilesystemMeasure, NodeMeasure, NodeMeter } from './metrics/meter.js';
export type { UsageSource } from './metrics/usage-source.js';
export type { ResourceTexts } from './node/node-resources.js';
export { type Candidate, type ContainerConsumption, type PodConsumption, rankForEviction } from './eviction/rank.js';
export type { Observation, Observations, Pressure, Signal } from './eviction/signals.js';
export { parseThresholds, type Statements, type Threshold, type ThresholdValue } from './eviction/thresholds.js';
export type { ManifestFile, ManifestSource } from './static-pods/manifest-folder.js';
export type { PodVolumes } from './volumes/volumes.js';
export type { VolumeUsage } from './volumes/usage.js';
export { NetworkProber, type Prober, type ProbeKind, type ProbeResult, type ProbeTarget } from './probes/prober.js';

const name = z.string().regex(/^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a DNS-1123 subdomain');

const node = z.strictObject({
  /** The Node's name; default: the machine's host name. */
  name: name.optional(),
  labels: z.record(z.string(), z.string()).default({}),
  taints: z.array(z.strictObject({ key: z.string(), value: z.string().optional(), effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']) })).default([]),
  /** Replaces what the machine has, e.g. `{ cpu: '4', memory: '8Gi', pods: '500', 'example.com/gpu': '2' }`. */
  capacity: z.record(z.string(), z.string()).default({}),
  /** Name of the runtime; default: the first one. */
  runtime: z.string().optional(),
});

const resources = z.record(z.string(), z.string().refine((text) => parseQuantity(text) !== undefined, 'must be a quantity')).default({});

const options = node
  .extend({
    /** More nodes in this process, each with its own agent. When given, the fields above are defaults for them. */
    nodes: z.array(node.required({ name: true })).optional(),
    /** The node's address. */
    hostIP: z.string().default('127.0.0.1'),
    /** Port of the server by which the API server reaches this node's pods, asked for at each status; see `nodeServer` of `@orrery/node-server`. Default: it has none. */
    serverPort: z.custom<() => number | undefined>((value) => typeof value === 'function').optional(),
    /** Folder for volumes; default: a folder of this user below the system's temporary folder. */
    rootDir: z.string().optional(),
    /** Folder for volumes of claims, which outlive pods; default: a folder below `rootDir`. With several nodes each has a folder of its name in it. */
    localVolumes: z.string().startsWith('/').optional(),
    ...nodeSettingsFields,
    ...imageSettingsFields,
    /** The space of the file system that a path is on; default: asked of the machine. For simulated runtimes. */
    diskSpace: z.custom<(path: string) => Promise<DiskSpace>>((value) => typeof value === 'function').optional(),
    /** When pods are evicted because the node runs out of memory, disk or processes. */
    eviction: evictionOption,
    /** What of the node is kept for the agent and its runtime, and for everything else on the machine. */
    kubeReserved: resources,
    systemReserved: resources,
    /** How often what pods use is sampled. */
    metricsSeconds: z.number().positive().default(15),
    /** Measures the node as a whole; default: the machine, for runtimes that use it. For simulated runtimes. */
    meter: z.custom<NodeMeter>((value) => typeof (value as NodeMeter | undefined)?.measure === 'function').optional(),
    /** Folder of manifests, one pod a file, that run whether or not the API can be reached. With several nodes each has a folder of its name in it. */
    staticPodPath: z.string().startsWith('/').optional(),
    leaseSeconds: z.number().positive().default(40),
    renewSeconds: z.number().positive().default(10),
    statusSeconds: z.number().positive().default(300),
    /** Asks containers how they are; default: over the network and by exec. For simulated runtimes. */
    prober: z.custom<Prober>((value) => typeof (value as Prober | undefined)?.probe === 'function').optional(),
  })
  .prefault({});

/** Registers this process as one node (or several) and runs what is bound to it. Stopping it leaves the pods running; what they are is found again at the next start. */
export const nodeAgent = definePlugin({
  name: 'node-agent',
  core: '^0.1.0',
  requires: [Runtimes],
  options,
  setup({ run, add, options, clock, log, scope }) {
    const machine = readMachine();
    const { nodes, hostIP, prober, leaseSeconds, renewSeconds, statusSeconds, policy, allowedUnsafeSysctls, clusterDNS, clusterDomain, apiServer, resolvConf, podPidsLimit, devices, ...shared } = options;
    const settings: NodeSettings = { policy, allowedUnsafeSysctls, clusterDNS, clusterDomain, apiServer, resolvConf, podPidsLimit, devices };
    const rootDir = options.rootDir ?? join(tmpdir(), `orrery-${userInfo().uid}`, 'node');
    let starts: StartMetrics | undefined;
    const startsOf = (instruments: Instruments): StartMetrics => {
      if (starts === undefined) scope.defer((starts = new StartMetrics(instruments, clock)).show());
      return starts;
    };
    for (const one of nodes ?? [shared]) {
      const { name: given, runtime: runtimeName, ...rest } = over(shared, one);
      const nodeName = given ?? machine.hostname;
      let running: NodeAgent | undefined;
      add(MetricsSources, { nodes: () => running?.usage.nodes() ?? [], pods: () => running?.usage.pods() ?? [] });
      add(PodStreams, new ReachableStreams(nodeName, () => running?.streams));
      run((get) => {
        const runtime = get(Runtimes).get(runtimeName);
        if (runtime === undefined) throw new RangeError(`node "${nodeName}" wants runtime "${runtimeName}", which no plugin provides`);
        const { realProcesses } = runtime.capabilities;
        const folder = join(rootDir, nodeName);
        const staticPods = options.staticPodPath === undefined || nodes === undefined ? options.staticPodPath : join(options.staticPodPath, nodeName);
        const agent = (running = new NodeAgent({
          config: { name: nodeName, labels: rest.labels, taints: rest.taints, capacity: rest.capacity, hostIP, runtime: runtime.name, serverPort: options.serverPort },
          machine: { ...machine, capacity: { ...machine.capacity, ...(realProcesses && readDisk(folder)) } },
          reserved: { kubeReserved: options.kubeReserved, systemReserved: options.systemReserved },
          eviction: evictionSettings(options.eviction),
          meter: options.meter ?? (realProcesses ? new MachineMeter({ rootDir: folder, runtime, log }) : undefined),
          sampleMs: options.metricsSeconds * 1000,
          times: { leaseMs: leaseSeconds * 1000, renewMs: renewSeconds * 1000, statusMs: statusSeconds * 1000 },
          rootDir: folder,
          localVolumes: options.localVolumes === undefined ? undefined : join(options.localVolumes, nodeName),
          staticPods: staticPods === undefined ? undefined : new ManifestFolder(staticPods, (error) => log.warn('the folder of static pods cannot be watched', { folder: staticPods, error })),
          settings,
          imageSettings: imageSettings(options),
          diskSpace: options.diskSpace,
          client: get(Client),
          informers: get(Informers),
          runtime,
          prober: prober ?? new NetworkProber(runtime),
          events: get(Events)('kubelet'),
          clock,
          log,
          progress: [startsOf(get(Instruments)), new StartTraces(nodeName, get(Tracer), clock)],
          configure: (config, pod) => get(Hooks).call(hooks.containerConfig, config, pod),
        }));
        return { name: `node-agent ${nodeName}`, phase: 'agents', run: (signal, ready) => agent.run(signal, ready) };
      });
    }
  },
});

type NodeFields = Pick<z.output<typeof node>, 'labels' | 'taints' | 'capacity'>;

/** What all nodes have in common, and what one of them has of its own: its labels and resources are added, its taints count alone. */
const over = <Shared extends NodeFields, Own extends NodeFields>(shared: Shared, own: Own): Shared & Own => ({
  ...shared,
  ...own,
  labels: { ...shared.labels, ...own.labels },
  capacity: { ...shared.capacity, ...own.capacity },
  taints: own.taints.length > 0 ? own.taints : shared.taints,
});
