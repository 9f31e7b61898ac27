// One of several control planes on a Redis. Tells its parent each time it leads or no longer does, and what becomes of writes under its old epoch.
import { workloadControllers } from '@orrery/controllers';
import { type ConfigMap, createOrchestrator, definePlugin, hooks, Transport } from '@orrery/core';
import { scheduler } from '@orrery/scheduler';
import { redisStore } from '@orrery/store-redis';

const [name = '', url = ''] = process.argv.slice(2);
const tell = (message: object): void => void process.send?.({ name, ...message });

const telling = definePlugin({
  name: 'telling',
  setup: ({ tap }) => tap(hooks.leadership, async (state) => tell(state)),
});
const orchestrator = await createOrchestrator({ plugins: [redisStore({ url }), scheduler(), workloadControllers(), telling()] });
await orchestrator.start();
tell({ started: true });
process.once('SIGTERM', () => void orchestrator.stop().then(() => process.exit(0)));
// The parent is gone.
process.once('disconnect', () => process.exit(1));

/** A part gone wrong: goes on writing under the first epoch it ever had, and asks nobody whether it still leads. Only the store can stop it. */
const counts = { accepted: 0, refused: 0 };
for (let epoch = 0; ; await new Promise((resolve) => setTimeout(resolve, 10))) {
  if (epoch === 0 && !orchestrator.leadership.leading) continue;
  if (epoch === 0) epoch = orchestrator.leadership.epoch;
  const ref = { group: '', version: 'v1', resource: 'configmaps', namespace: 'default', name: 'reckless' };
  const body: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'reckless' }, data: { name, epoch: String(epoch), n: String(counts.accepted + counts.refused) } };
  const request = { user: { name: 'reckless', groups: ['system:masters'] }, fence: { lease: 'orrery-leader', epoch } };
  try {
    await orchestrator.get(Transport).request({ ...request, ref, verb: 'patch', type: 'merge', body: { data: body.data } });
    counts.accepted += 1;
  } catch {
    counts.refused += 1;
  }
  tell({ ...counts });
}
