import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { alive } from './dockerd.js';
import { requireParts } from './missing.js';
import { startRedis } from './redis.js';
import { startRedisSentinels } from './redis-groups.js';

const parts = requireParts('redis-server', 'redis-cli');

describe.skipIf(parts.missing)(`Redis of one's own${parts.note}`, () => {
  it('keeps its port and data through a kill, and leaves nothing behind when it is stopped', async () => {
    const redis = await startRedis({ appendfsync: 'always' });
    await redis.command('SET', 'a', '1');
    const { port, pid, folder } = redis;
    await redis.kill('SIGKILL');
    expect(alive(pid)).toBe(false);
    await redis.start();
    expect([redis.port, await redis.command('GET', 'a')]).toEqual([port, '1']);
    await expect(redis.command('INCR', 'a', 'b')).rejects.toThrow();
    await redis.stop();
    expect([alive(redis.pid), existsSync(folder)]).toEqual([false, false]);
  });

  it('ends with the process that started it, however that ends: one server, and a group', async () => {
    const script = `import { startRedis, startRedisSentinels } from '@orrery/engines';
      const one = await startRedis(); const group = await startRedisSentinels();
      process.stdout.write(JSON.stringify([one, group.master, group.replica].map(({ pid, folder }) => ({ pid, folder }))) + '\\n');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    const servers = JSON.parse(said.toString()) as { readonly pid: number; readonly folder: string }[];
    expect(servers.map(({ pid }) => alive(pid))).toEqual([true, true, true]);
    child.kill('SIGKILL');
    await expect.poll(() => servers.some(({ pid, folder }) => alive(pid) || existsSync(folder)), { timeout: 20_000 }).toBe(false);
  });

  it('Sentinels make the replica the master when the master dies', async () => {
    await using redis = await startRedisSentinels();
    await redis.master.kill('SIGKILL');
    await expect.poll(() => redis.replica.command('ROLE'), { timeout: 30_000 }).toMatch(/^master/);
  });
});
