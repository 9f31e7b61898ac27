import { type Node } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { differs, initialNode, type NodeConfig, nodeStatus } from './node-object.js';

const machine = { hostname: 'host', capacity: { cpu: '4', memory: '2097152Ki', pods: '110' }, architecture: 'amd64', operatingSystem: 'linux', kernelVersion: '6' };
const config: NodeConfig = { name: 'node', labels: {}, taints: [], capacity: { cpu: '2500m' }, hostIP: '127.0.0.1', runtime: 'simulated' };
const ready = { ok: true, message: '' };

describe('node status', () => {
  it('writes quantities as the server does', () => {
    const status = nodeStatus(initialNode(config, machine), config, { ...machine, capacity: { cpu: '4000m', memory: '2097152Ki' } }, ready, 0);
    expect(status.capacity).toEqual({ cpu: '2500m', memory: '2Gi' });
    expect(nodeStatus(initialNode(config, machine), { ...config, capacity: { cpu: '4000m' } }, machine, ready, 0).allocatable).toMatchObject({ cpu: '4' });
  });

  it('does not differ when only the times of heartbeats and the order of keys do', () => {
    const node = initialNode(config, machine);
    const first = nodeStatus(node, config, machine, ready, 0);
    const reversed = (value: unknown): unknown =>
      Array.isArray(value) ? value.map(reversed) : typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).reverse().map(([key, part]) => [key, reversed(part)])) : value;
    const stored = reversed(first) as NonNullable<Node['status']>;
    const second = nodeStatus({ ...node, status: stored }, config, machine, ready, 10_000);
    expect(differs(second, stored)).toBe(false);
    expect(differs(nodeStatus({ ...node, status: stored }, config, machine, { ok: false, message: 'down' }, 10_000), stored)).toBe(true);
  });
});
