// Run by the startup benchmark: assembles, runs one pod, says so, and ends.
import { readdirSync, readFileSync } from 'node:fs';
import { Pod } from '@orrery/core';
import { commandPod, oneNode } from './cluster.js';

const { orchestrator, end } = await oneNode();
const pods = orchestrator.client.kind(Pod);
await pods.create(commandPod('first', ['sleep', '60']));
for await (const event of pods.watch({ namespace: 'default' }, AbortSignal.timeout(10_000))) {
  if (event.type !== 'BOOKMARK' && event.object.status?.phase === 'Running') break;
}
process.stdout.write(`running ${process.memoryUsage.rss() / 2 ** 20} ${helperRss()}\n`);
await end();

/** Resident MiB of the runtime's helper: the child of this process that is node. */
function helperRss(): number {
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const parent = /\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
      if (Number(parent) !== process.pid) continue;
      const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      return Number(kib ?? 0) / 1024;
    } catch (error) {
      // A process that ended between the listing and the reading is not the helper.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return 0;
}
