import { stat } from 'node:fs/promises';
import type { ContainerStats } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import type { Engine } from '../engine/engine.js';
import type { ContainerIdentity } from '../identity/labels.js';
import type { Inventory, Item } from '../inventory/inventory.js';
import { readCgroup, useOf } from './cgroup-files.js';
import type { CgroupUse } from './cgroup-files.js';
import type { LayerSizes } from './layer-size.js';

/** So many containers are read at once. */
const PARALLEL = 16;

/** What the engine's own statistics tell, as far as it matters here. */
interface EngineStats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> };
  readonly pids_stats?: { readonly current?: number };
}

/**
 * Use of all running containers. Read from the kernel's files, which takes a fraction of a millisecond; where they cannot be seen (another user, an engine in a
 * container of its own) from the engine, which takes some.
 */
export async function readStats(engine: Engine, inventory: Inventory, layers: LayerSizes, logFiles: number, signal: AbortSignal): Promise<readonly ContainerStats[]> {
  const running = (await inventory.containers(signal)).filter(({ facts }) => facts.state === 'running');
  layers.keep(new Set(running.map(({ facts }) => facts.layerPath)));
  const all: ContainerStats[] = [];
  const queue = [...running];
  const work = async (): Promise<void> => {
    for (let item = queue.pop(); item !== undefined; item = queue.pop()) {
      const stats = await statsOf(engine, item, layers, logFiles, signal);
      if (stats !== undefined) all.push(stats);
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, running.length) }, work));
  return all;
}

async function statsOf(engine: Engine, { id, identity, facts }: Item<ContainerIdentity>, layers: LayerSizes, logFiles: number, signal: AbortSignal): Promise<ContainerStats | undefined> {
  // What it uses is of the moment in which it was read: rates are wrong by as long as the walk of a large layer takes otherwise.
  const used = readCgroup(facts.pid, id).catch(() => askEngine(engine, id, signal)).then((use) => ({ use, timestamp: engine.clock.now() }));
  const [{ use, timestamp }, logBytes, layerBytes] = await Promise.all([used, sizeOfLogs(facts.logPath, logFiles), layers.of(facts.layerPath)]);
  if (use === undefined) return undefined;
  return { containerId: id, pod: identity.pod, name: identity.name, timestamp, ...use, ...(layerBytes === undefined ? {} : { writableLayerBytes: layerBytes }), ...(logBytes === undefined ? {} : { logBytes }) };
}

/** Undefined when it has ended meanwhile. */
async function askEngine(engine: Engine, id: string, signal: AbortSignal): Promise<CgroupUse | undefined> {
  try {
    const stats = (await engine.call(
      `read the use of ${id.slice(0, 12)}`,
      signal,
      (docker, abortSignal) => docker.getContainer(id).stats({ stream: false, 'one-shot': true, abortSignal } as { stream: false }) as Promise<unknown>,
      { idempotent: true },
    )) as EngineStats;
    const { usage, stats: memory = {} } = stats.memory_stats ?? {};
    if (usage === undefined) return undefined;
    return useOf(
      stats.cpu_stats?.cpu_usage?.total_usage ?? 0,
      usage,
      memory['total_inactive_file'] ?? memory['inactive_file'] ?? 0,
      memory['total_rss'] ?? memory['anon'] ?? 0,
      stats.pids_stats?.current,
    );
  } catch (error) {
    if (OrreryError.is(error, 'NOT_FOUND') || OrreryError.is(error, 'CONFLICT')) return undefined;
    throw error;
  }
}

/** The log and its older parts; undefined where they cannot be seen. */
async function sizeOfLogs(path: string, files: number): Promise<number | undefined> {
  if (path === '') return undefined;
  const sizes = await Promise.all([path, ...Array.from({ length: files - 1 }, (_, index) => `${path}.${index + 1}`)].map((each) => stat(each).then(({ size }) => size, () => undefined)));
  return sizes[0] === undefined ? undefined : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
}
