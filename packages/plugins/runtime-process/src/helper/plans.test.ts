import { describe, expect, it } from 'vitest';
import { Addresses, blocksOf, parseLoopbackRange } from './addresses.js';
import { needsCgroups, planCgroups, planSettings } from './cgroups.js';
import { endingOf } from './container.js';
import { environmentOf } from './launch.js';
import { parseStat } from './proc.js';
import { planMounts } from './rootfs.js';

describe('loopback ranges', () => {
  it('are read and kept inside 127.0.0.0/8', () => {
    expect(parseLoopbackRange('127.70.3.9/16')).toMatchObject({ cidr: '127.70.0.0/16' });
    expect(blocksOf(parseLoopbackRange('127.64.0.0/14'))).toEqual([64, 65, 66, 67]);
    for (const bad of ['10.0.0.0/16', '127.0.0.0/8', '127.0.0.0/30', '127.1', '127.1.0.0', '127.1.0.0/x', '0127.1.0.0/16']) {
      expect(() => parseLoopbackRange(bad), bad).toThrow();
    }
  });

  it('give every address once, the given-back ones last, and say when they are used up', async () => {
    const addresses = await Addresses.open('127.203.0.0/29', undefined, 0);
    try {
      const all = [1, 2, 3, 4, 5, 6].map(() => addresses.take());
      expect(all).toEqual(['127.203.0.1', '127.203.0.2', '127.203.0.3', '127.203.0.4', '127.203.0.5', '127.203.0.6']);
      expect(() => addresses.take()).toThrow(/used by pods/);
      addresses.release('127.203.0.3');
      expect(addresses.take()).toBe('127.203.0.3');
    } finally {
      addresses.close();
    }
  });
});

describe('control groups', () => {
  const resources = { memoryLimitBytes: 1000, cpuShares: 1024, cpuQuota: 50_000 };

  it('of version 1 and 2 get the same limits in their own words', () => {
    expect(planSettings(1, resources).map(({ file, value }) => `${file}=${value}`)).toEqual([
      'memory.limit_in_bytes=1000', 'cpu.shares=1024', 'cpu.cfs_period_us=100000', 'cpu.cfs_quota_us=50000',
    ]);
    expect(planSettings(2, resources).map(({ file, value }) => `${file}=${value}`)).toEqual(['memory.max=1000', 'cpu.weight=39', 'cpu.max=50000 100000']);
    expect(planSettings(2, { cpuShares: 2 })[0]?.value).toBe('1');
    expect(planSettings(2, { cpuShares: 262144 })[0]?.value).toBe('10000');
    expect(planSettings(1, { cpuQuota: -1 })).toEqual([]);
  });

  it('are made one for each controller that is needed', () => {
    const base = { version: 1, memory: '/m', cpu: '/c' } as const;
    expect(planCgroups(base, 'x', {}).directories).toEqual(['/m/orrery/orrery-x']);
    expect(planCgroups(base, 'x', resources).directories).toEqual(['/m/orrery/orrery-x', '/c/orrery/orrery-x']);
    expect(planCgroups({ version: 2, unified: '/u' }, 'x', resources).directories).toEqual(['/u/orrery/orrery-x']);
  });
});

describe('endings', () => {
  it('are told as Kubernetes tells them', () => {
    expect(endingOf({ code: 0, signal: null }, false, 1)).toEqual({ finishedAt: 1, exitCode: 0, reason: 'Completed' });
    expect(endingOf({ code: 2, signal: null }, false, 1)).toEqual({ finishedAt: 1, exitCode: 2, reason: 'Error' });
    expect(endingOf({ code: null, signal: 'SIGSEGV' }, false, 1)).toEqual({ finishedAt: 1, exitCode: 139, signal: 11, reason: 'Error' });
    expect(endingOf({ code: null, signal: 'SIGKILL' }, true, 1)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    expect(endingOf({ code: 0, signal: null }, true, 1)).toMatchObject({ exitCode: 0, reason: 'Completed' });
    expect(endingOf(undefined, false, 1)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
  });
});

describe('/proc', () => {
  it('is read right although a process may choose any name', () => {
    const line = `42 (a ) R (b) S 1 42 43 0 -1 4194560 100 0 0 0 7 3 2 1 20 0 1 0 98765 1000 25 18446744073709551615`;
    expect(parseStat(line)).toEqual({ pid: 42, state: 'S', session: 43, cpuNanoseconds: 130_000_000, startTicks: '98765', rssBytes: 25 * 4096 });
    expect(parseStat('nonsense')).toBeUndefined();
  });
});

describe('a container', () => {
  const config = {
    name: 'main', attempt: 0, image: '', command: [], args: [], mounts: [], resources: {}, stdin: false, tty: false, labels: {}, annotations: {}, security: {},
    env: [{ name: 'A', value: '1' }, { name: 'A', value: '2' }, { name: 'ORRERY_CONTAINER_ID', value: 'forged' }],
  };

  it('gets its own environment, of the machine only where programs and home are, and cannot forge its marker', () => {
    const machine = { PATH: '/bin', HOME: '/root', SECRET: 'x' };
    expect(environmentOf('id', '/rootfs', config, machine)).toEqual({ PATH: '/bin', HOME: '/root', A: '2', ORRERY_ROOTFS: '/rootfs', ORRERY_CONTAINER_ID: 'id' });
  });

  it('has mounts that stay inside its own directory', () => {
    const mount = (containerPath: string) => ({ hostPath: '/data', containerPath, readOnly: false });
    expect(planMounts([mount('/a/../b/'), mount('/../../c')]).map(({ containerPath }) => containerPath)).toEqual(['/b', '/c']);
    for (const bad of ['/', 'relative', '/a\0b', '/..', '']) expect(() => planMounts([mount(bad)]), JSON.stringify(bad)).toThrow();
    expect(() => planMounts([mount('/a'), mount('/a')])).toThrow(/nested/);
  });
});

describe('needsCgroups', () => {
  it('spares containers that ask for nothing', () => {
    expect(needsCgroups({})).toBe(false);
    expect(needsCgroups({ cpuShares: 2 })).toBe(false);
    expect(needsCgroups({ cpuShares: 10 })).toBe(true);
    expect(needsCgroups({ memoryLimitBytes: 1 })).toBe(true);
    expect(needsCgroups({ cpuQuota: 1000, cpuPeriod: 100_000 })).toBe(true);
  });
});
