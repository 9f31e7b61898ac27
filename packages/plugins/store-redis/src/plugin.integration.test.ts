import { ConfigMap, createOrchestrator } from '@orrery/core';
import { requireParts, startRedis } from '@orrery/engines';
import { describe, expect, it } from 'vitest';
import { redisStore } from './index.js';

const parts = requireParts('redis-server', 'redis-cli');

describe.skipIf(parts.missing)(`an orchestrator on Redis${parts.note}`, () => {
  it('finds its objects when it is started again', async () => {
    await using redis = await startRedis();
    const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'default' }, data: { colour: 'blue' } };
    const first = await createOrchestrator({ plugins: [redisStore({ url: redis.url })] });
    await first.start();
    const made = await first.client.kind(ConfigMap).create(settings);
    await first.stop();
    await using second = await createOrchestrator({ plugins: [redisStore({ url: redis.url })] });
    await second.start();
    expect(await second.client.kind(ConfigMap).get({ name: 'settings', namespace: 'default' })).toMatchObject({ data: { colour: 'blue' }, metadata: { uid: made.metadata?.uid } });
  });
});
