import { type Client, type Clock, errorMessage, type EventRecorder, type KubeObject, type Logger, type Pod, timeOfMillis } from '@orrery/core';
import { Bell } from '../node/bell.js';
import type { PodRecord } from '../pod/record.js';
import type { ManifestFile, ManifestSource } from './manifest-folder.js';
import { keyOf, Mirrors } from './mirrors.js';
import { staticPodOf } from './static-pod.js';

/** What runs static pods. */
export interface StaticPodsOptions {
  /** Undefined: this node has none; mirrors that are left over are removed. */
  readonly source: ManifestSource | undefined;
  /** Name of the node. */
  readonly node: string;
  /** What events of the node as a whole are about. */
  readonly about: KubeObject;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: EventRecorder;
  /** Ends what still runs of another content of the pod. */
  endFormer(pod: Pod, signal: AbortSignal): Promise<void>;
  /** Begins to look after a pod. `finished` is called when nothing of it is left. */
  start(pod: Pod, record: PodRecord, finished: () => void): void;
  /** The pod is to be seen as this from now on. */
  update(pod: Pod): void;
}

/** Even without a hint files are looked at so often (the kubelet's fileCheckFrequency). */
const RESCAN_MS = 20_000;
/** A file that is being written comes in pieces. */
const SETTLE_MS = 100;

interface Running {
  pod: Pod;
  ending: boolean;
}

/** What a file came to the last time it was read. `pod` is the last good one. */
interface Known {
  readonly text: string | undefined;
  readonly problem: string | undefined;
  readonly pod: Pod | undefined;
}

/**
 * Runs the pods of a folder of manifests, one a file, whether or not there is an API; there each is shown by a mirror. Another content is another pod, which starts when the
 * former has ended. A file that cannot be used is told once, and its last good content stays.
 */
export class StaticPods {
  readonly #mirrors: Mirrors;
  readonly #bell = new Bell();
  readonly #running = new Map<string, Running>();
  #known: ReadonlyMap<string, Known> = new Map();
  #wanted: ReadonlyMap<string, Pod> = new Map();
  #scanned = false;
  #stopped = false;

  constructor(private readonly options: StaticPodsOptions) {
    this.#mirrors = new Mirrors({ ...options, wanted: (key) => this.#shown(key) });
  }

  /** The first look: what the folder has now is started, after the end of what ran under the same names before this agent. Throws when the folder cannot be read. */
  async begin(signal: AbortSignal): Promise<void> {
    await this.#scan();
    await Promise.all([...this.#wanted.values()].map((pod) => this.options.endFormer(pod, signal)));
    this.#scanned = true;
    this.#reconcile();
  }

  /** Runs until the signal aborts. The pods are left running. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#mirrors.run(signal), this.#follow(signal)]);
    this.#stopped = true;
  }

  /** The API has, or had, a mirror. */
  mirrorChanged(mirror: Pod): void {
    if (this.#scanned) this.#mirrors.look(keyOf(mirror));
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { source, clock, log } = this.options;
    if (source === undefined) return;
    const unwatch = source.watch(() => this.#bell.ring());
    try {
      while (!signal.aborted) {
        await this.#bell.wait(clock, RESCAN_MS, signal);
        await clock.sleep(SETTLE_MS, signal).catch(() => signal);
        if (signal.aborted) return;
        await this.#scan().then(() => this.#reconcile(), (error: unknown) => log.warn('the folder of static pods could not be read', { error: errorMessage(error) }));
      }
    } finally {
      unwatch();
    }
  }

  async #scan(): Promise<void> {
    const known = new Map<string, Known>();
    for (const file of (await this.options.source?.read()) ?? []) known.set(file.file, await this.#learn(file, this.#known.get(file.file)));
    this.#known = known;
    const wanted = new Map<string, Pod>();
    for (const [file, entry] of known) {
      if (entry.pod === undefined) continue;
      const key = keyOf(entry.pod);
      if (!wanted.has(key)) wanted.set(key, entry.pod);
      else known.set(file, this.#problem(file, { ...entry, problem: `another file has a pod ${JSON.stringify(key)} already` }, this.#known.get(file)));
    }
    this.#wanted = wanted;
  }

  async #learn(given: ManifestFile, before: Known | undefined): Promise<Known> {
    const { node, clock } = this.options;
    if ('problem' in given) return this.#problem(given.file, { text: undefined, problem: given.problem, pod: before?.pod }, before);
    if (before !== undefined && given.text === before.text) return before;
    try {
      return { text: given.text, problem: undefined, pod: await staticPodOf(given.text, { file: given.file, node, now: clock.now() }) };
    } catch (error) {
      return this.#problem(given.file, { text: given.text, problem: errorMessage(error), pod: before?.pod }, before);
    }
  }

  /** Told once for each content. */
  #problem(file: string, now: Known, before: Known | undefined): Known {
    const { log, events, about } = this.options;
    if (now.problem === before?.problem && now.text === before?.text) return now;
    const message = (now.problem ?? '').slice(0, 1_000);
    log.warn('a file of static pods cannot be used', { file, problem: message });
    events.event(about, 'Warning', 'FailedStaticPod', `The manifest ${JSON.stringify(file)} cannot be used: ${message}`);
    return now;
  }

  /** Ends what is not wanted any more, and starts what is and whose place is free. */
  #reconcile(): void {
    for (const [key, running] of this.#running) if (!running.ending && this.#wanted.get(key)?.metadata.uid !== running.pod.metadata.uid) this.#end(key, running);
    for (const [key, pod] of this.#wanted) if (!this.#running.has(key)) this.#start(key, pod);
  }

  #start(key: string, pod: Pod): void {
    const running: Running = { pod, ending: false };
    this.#running.set(key, running);
    const record: PodRecord = {
      writeStatus: async ({ status }) => {
        running.pod = next({ ...running.pod, ...(status !== undefined && { status }) });
        this.#mirrors.look(key);
        return running.pod;
      },
      forget: async () => {},
    };
    this.options.start(pod, record, () => {
      this.#running.delete(key);
      if (!this.#stopped) this.#reconcile();
    });
    this.#mirrors.look(key);
  }

  #end(key: string, running: Running): void {
    const { clock, update } = this.options;
    const { metadata, spec } = running.pod;
    running.ending = true;
    running.pod = next({ ...running.pod, metadata: { ...metadata, deletionTimestamp: timeOfMillis(clock.now()), deletionGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30 } });
    update(running.pod);
    this.#mirrors.look(key);
  }

  #shown(key: string): Pod | undefined {
    const running = this.#running.get(key);
    return running === undefined || running.ending ? undefined : running.pod;
  }
}

/** A later version of a pod that no server counts. */
const next = (pod: Pod): Pod => ({ ...pod, metadata: { ...pod.metadata, resourceVersion: String(Number(pod.metadata.resourceVersion) + 1) } });
