import { type Node } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { parseThresholds } from '../eviction/thresholds.js';
import { prettyName } from './machine.js';
import type { NodeHealth } from './node-conditions.js';
import { imagesOfNode } from './node-images.js';
import { differs, initialNode, type NodeConfig, nodeStatus } from './node-object.js';
import { nodeResources } from './node-resources.js';

const machine = { hostname: 'host', capacity: { cpu: '4', memory: '2097152Ki', pods: '110' }, architecture: 'amd64', operatingSystem: 'linux', kernelVersion: '6' };
const config: NodeConfig = { name: 'node', labels: {}, taints: [], capacity: { cpu: '2500m' }, hostIP: '127.0.0.1', runtime: 'simulated' };
const none = { kubeReserved: {}, systemReserved: {}, thresholds: [] };
const resources = nodeResources({ machine: machine.capacity, given: config.capacity, ...none });
const health: NodeHealth = { ready: { ok: true, message: '' }, pressures: [] };
const facts = { config, machine, resources, health };

describe('node status', () => {
  it('does not differ when only the times of heartbeats and the order of keys do', () => {
    const node = initialNode(config, machine);
    const first = nodeStatus(node, facts, 0);
    const reversed = (value: unknown): unknown =>
      Array.isArray(value) ? value.map(reversed) : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).reverse().map(([key, part]) => [key, reversed(part)])) : value;
    const stored = reversed(first) as NonNullable<Node['status']>;
    const second = nodeStatus({ ...node, status: stored }, facts, 10_000);
    expect(differs(second, stored)).toBe(false);
    expect(differs(nodeStatus({ ...node, status: stored }, { ...facts, health: { ...health, ready: { ok: false, message: 'down' } } }, 10_000), stored)).toBe(true);
  });

  it('tells pressure in the kubelet\'s words, and since when', () => {
    const node = initialNode(config, machine);
    const before = nodeStatus(node, facts, 0);
    const after = nodeStatus({ ...node, status: before }, { ...facts, health: { ...health, pressures: ['DiskPressure'] } }, 10_000);
    const find = (type: string) => after.conditions?.find((condition) => condition.type === type);
    expect(find('DiskPressure')).toEqual({
      type: 'DiskPressure', status: 'True', reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure', lastHeartbeatTime: '1970-01-01T00:00:10Z', lastTransitionTime: '1970-01-01T00:00:10Z',
    });
    expect(find('MemoryPressure')).toMatchObject({ status: 'False', reason: 'KubeletHasSufficientMemory', lastTransitionTime: '1970-01-01T00:00:00Z' });
    expect(find('PIDPressure')).toMatchObject({ reason: 'KubeletHasSufficientPID' });
  });

  it('lists the largest images, at most fifty, with five names each', () => {
    const image = (id: number) => ({ id: `i${id}`, reference: `r${id}`, tags: Array.from({ length: 6 }, (_, tag) => `r:${id}-${tag}`), digests: [`r@${id}`], sizeBytes: id, pinned: false });
    const listed = imagesOfNode(Array.from({ length: 60 }, (_, id) => image(id)));
    expect(listed).toHaveLength(50);
    expect(listed[0]).toEqual({ names: ['r@59', 'r:59-0', 'r:59-1', 'r:59-2', 'r:59-3'], sizeBytes: 59 });
  });

  it.each([['ID=x\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n', 'Debian GNU/Linux 12 (bookworm)'], ["PRETTY_NAME='A B'", 'A B'], ['PRETTY_NAME=Plain', 'Plain'], ['NAME=x', undefined]])('reads a distribution: %j', (text, name) => {
    expect(prettyName(text)).toBe(name);
  });
});

describe('what a node offers', () => {
  it('writes quantities as the server does', () => {
    expect(resources.capacity).toEqual({ cpu: '2500m', memory: '2Gi', pods: '110' });
    expect(nodeResources({ machine: machine.capacity, given: { cpu: '4000m' }, ...none }).allocatable).toMatchObject({ cpu: '4' });
  });

  it('is less than it has, by what is reserved and by the hard thresholds of what is measured', () => {
    const thresholds = [...parseThresholds({ 'memory.available': '100Mi', 'nodefs.available': '10%' }), ...parseThresholds({ 'memory.available': '1Gi' }, 1_000)];
    const input = { machine: { cpu: '4', memory: '2Gi', 'ephemeral-storage': '10Gi' }, given: {}, kubeReserved: { cpu: '500m', memory: '100Mi' }, systemReserved: { memory: '56Mi', 'ephemeral-storage': '1Gi' }, thresholds };
    expect(nodeResources(input).allocatable).toEqual({ cpu: '3500m', memory: '1792Mi', 'ephemeral-storage': '8589934576' });
    expect(nodeResources(input).capacity).toEqual(input.machine);
    expect(nodeResources({ ...input, given: { memory: '1Gi' } }).allocatable['memory']).toBe('868Mi');
  });

  it('is never less than nothing, and leaves out huge pages', () => {
    expect(nodeResources({ ...none, machine: { cpu: '1' }, given: {}, systemReserved: { cpu: '2' } }).allocatable).toEqual({ cpu: '0' });
    expect(nodeResources({ ...none, machine: { memory: '2Gi', 'hugepages-2Mi': '512Mi' }, given: {} }).allocatable).toEqual({ memory: '1536Mi', 'hugepages-2Mi': '512Mi' });
  });
});
