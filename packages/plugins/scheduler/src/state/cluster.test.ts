import fc from 'fast-check';
import { type Pod, podRequests } from '@orrery/core';
import { describe, expect, it } from 'vitest';
import { aNode, aPod } from '../test-support/objects.js';
import { ClusterState, podId } from './cluster.js';

const on = (pod: Pod, nodeName: string): Pod => ({ ...pod, spec: { ...pod.spec, nodeName } });

describe('ClusterState', () => {
  it('counts an assumed pod until it is confirmed, corrected or forgotten', () => {
    const cluster = new ClusterState();
    for (const name of ['n1', 'n2']) cluster.setNode(aNode(name));
    const cpu = (name: string): number => cluster.node(name)?.requested['cpu'] ?? 0;
    const pod = aPod('p', { requests: { cpu: '500m' } });
    cluster.assume(pod, 'n1');
    expect([cpu('n1'), cluster.isAssumed(podId(pod))]).toEqual([500, true]);
    cluster.forget(podId(pod));
    expect(cpu('n1')).toBe(0);
    cluster.assume(pod, 'n1');
    cluster.setPod(on(pod, 'n1'));
    cluster.forget(podId(pod));
    expect([cpu('n1'), cluster.isAssumed(podId(pod))]).toEqual([500, false]);
    cluster.assume(pod, 'n1');
    cluster.setPod(on(pod, 'n2'));
    expect([cpu('n1'), cpu('n2')]).toEqual([0, 500]);
    cluster.setPod({ ...on(pod, 'n2'), status: { phase: 'Succeeded' } } as Pod);
    expect(cpu('n2')).toBe(0);
  });

  it('notes nothing when a bind comes as it was assumed, and all that came with it else', () => {
    const cluster = new ClusterState();
    cluster.setNode(aNode('n1'));
    const pods = ['as-assumed', 'relabelled', 'resized'].map((name) => aPod(name, { requests: { cpu: '500m' } })) as [Pod, Pod, Pod];
    for (const pod of pods) cluster.assume(pod, 'n1');
    const { head } = cluster.changes;
    const confirmed = { ...on(pods[0], 'n1'), status: { ...pods[0].status, conditions: [{ type: 'PodScheduled', status: 'True' }] } } as Pod;
    cluster.setPod(confirmed);
    expect(cluster.changes.head).toBe(head);
    expect(cluster.node('n1')?.pods.get(podId(confirmed))).toBe(confirmed);
    cluster.setPod({ ...on(pods[1], 'n1'), metadata: { ...pods[1].metadata, labels: { app: 'other' } } });
    expect(cluster.changes.head).toBe(head + 2);
    const { spec } = aPod('resized', { requests: { cpu: '700m' } });
    cluster.setPod(on({ ...pods[2], spec }, 'n1'));
    expect([cluster.changes.head, cluster.node('n1')?.requested['cpu']]).toEqual([head + 4, 1_700]);
    for (const pod of pods) {
      expect(cluster.isAssumed(podId(pod))).toBe(false);
      cluster.removePod(podId(pod));
    }
    expect(cluster.node('n1')?.requested['cpu']).toBe(0);
  });

  it('keeps counting pods of a node that went away, and reuses its slot', () => {
    const cluster = new ClusterState();
    cluster.setNode(aNode('n1'));
    cluster.setPod(on(aPod('p', { requests: { cpu: '1' } }), 'n1'));
    cluster.removeNode('n1');
    expect([cluster.node('n1'), cluster.nodes, cluster.nodeCount]).toEqual([undefined, [], 0]);
    cluster.setNode(aNode('n2'));
    cluster.setNode(aNode('n1'));
    expect([cluster.node('n2')?.slot, cluster.node('n1')?.slot, cluster.node('n1')?.requested['cpu']]).toEqual([0, 1, 1000]);
  });

  it('takes no notice of heartbeats', () => {
    const cluster = new ClusterState();
    const node = (time: string, ready: string) => ({ ...aNode('n1', { status: { conditions: [{ type: 'Ready', status: ready, lastHeartbeatTime: time }] } }) });
    expect(cluster.setNode(node('2026-01-01T00:00:00Z', 'True'))).toBe(true);
    const { head } = cluster.changes;
    expect(cluster.setNode(node('2026-01-01T00:00:10Z', 'True'))).toBe(false);
    expect(cluster.changes.head).toBe(head);
    expect(cluster.setNode(node('2026-01-01T00:00:20Z', 'False'))).toBe(true);
  });

  it('shows host ports while any pod takes them', () => {
    const cluster = new ClusterState();
    cluster.setNode(aNode('n1'));
    const pods = ['a', 'b'].map((name) => aPod(name, { spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort: 80 }] }] as never } }));
    for (const pod of pods) cluster.setPod(on(pod, 'n1'));
    cluster.removePod(podId(pods[0] as Pod));
    expect([...(cluster.node('n1')?.usedPorts ?? [])]).toEqual(['TCP/0.0.0.0/80']);
    cluster.removePod(podId(pods[1] as Pod));
    expect(cluster.node('n1')?.usedPorts.size).toBe(0);
  });

  it('always has the sum of what is on each node', () => {
    const move = fc.record({ pod: fc.integer({ min: 0, max: 9 }), node: fc.integer({ min: 0, max: 3 }), act: fc.constantFrom('assume', 'set', 'forget', 'remove', 'dropNode', 'addNode') });
    fc.assert(
      fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
        const cluster = new ClusterState();
        const pods = Array.from({ length: 10 }, (_, i) => aPod(`p${i}`, { requests: { cpu: `${i * 10}m`, ...(i % 3 === 0 ? { 'example.com/gpu': '1' } : {}) } }));
        const where = new Map<number, { node: string; assumed: boolean }>();
        for (const { pod: i, node: at, act } of moves) {
          const [pod, node] = [pods[i] as Pod, `n${at}`];
          if (act === 'assume') cluster.assume(pod, node);
          if (act === 'set') cluster.setPod(on(pod, node));
          if (act === 'assume' || act === 'set') where.set(i, { node, assumed: act === 'assume' });
          if (act === 'forget') cluster.forget(podId(pod));
          if (act === 'remove') cluster.removePod(podId(pod));
          if (act === 'remove' || (act === 'forget' && where.get(i)?.assumed === true)) where.delete(i);
          if (act === 'dropNode') cluster.removeNode(node);
          if (act === 'addNode') cluster.setNode(aNode(node));
        }
        for (const info of cluster.nodes) {
          const here = [...where].filter(([, { node }]) => node === info.name).map(([i]) => pods[i] as Pod);
          expect([...info.pods.keys()].sort()).toEqual(here.map(podId).sort());
          for (const name of ['cpu', 'example.com/gpu']) expect(info.requested[name] ?? 0).toBe(here.reduce((sum, pod) => sum + (podRequests(pod)[name] ?? 0), 0));
        }
      }),
    );
  });
});
