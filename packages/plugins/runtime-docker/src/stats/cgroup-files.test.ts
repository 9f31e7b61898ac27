import { describe, expect, it } from 'vitest';
import { cgroupDirectories, useOf } from './cgroup-files.js';

describe('control groups', () => {
  it('are found in both versions, and not outside of what is seen', () => {
    expect(cgroupDirectories('12:pids:/docker/x\n5:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n', '/r')).toEqual({ version: 1, memory: '/r/memory/docker/x', cpu: '/r/cpuacct/docker/x', pids: '/r/pids/docker/x' });
    expect(cgroupDirectories('0::/system.slice/docker-x.scope\n', '/r')).toEqual({ version: 2, directory: '/r/system.slice/docker-x.scope' });
    for (const text of ['', '0::/\n', '0::/../../docker/x\n', 'nonsense']) expect(cgroupDirectories(text, '/r')).toBeUndefined();
  });

  it('the working set is what cannot be reclaimed', () => {
    expect(useOf(1, 100, 30, 50, 4)).toEqual({ cpuNanoseconds: 1, workingSetBytes: 70, rssBytes: 50, processes: 4 });
    expect(useOf(1, 10, 30, 5, undefined)).toEqual({ cpuNanoseconds: 1, workingSetBytes: 0, rssBytes: 5 });
  });
});
