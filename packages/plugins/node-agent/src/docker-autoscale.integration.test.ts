import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { horizontalPodAutoscaling, workloadControllers } from '@orrery/controllers';
import { createOrchestrator, Deployment, Event, HorizontalPodAutoscaler, milliValue, type Orchestrator, Pod, systemClock, value } from '@orrery/core';
import { busyboxImage, type DockerEngine, requireParts, startDockerd } from '@orrery/engines';
import { dockerRuntime } from '@orrery/runtime-docker';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeAgent } from './index.js';
import { never } from './test/cluster.js';

// What containers of a Docker engine really use, as the kernel counts it, moves the number of their replicas.

const { missing, note } = requireParts('dockerd', 'busybox', 'tar');
const MEBIBYTE = 2 ** 20;
const REQUEST_MILLIS = 100;
const LIMIT_MILLIS = 200;
/** What a pod eats while it is told to. */
const EATEN = 40 * MEBIBYTE;

describe.skipIf(missing)(`autoscaling by what containers of a Docker engine use${note}`, () => {
  let engine: DockerEngine;
  let orchestrator: Orchestrator;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'orrery-use-'));
    engine = await startDockerd();
    await busyboxImage(engine.socketPath, 'box');
    orchestrator = await createOrchestrator({
      plugins: [
        memoryStore(),
        scheduler(),
        // Nothing of the defaults that decide is changed but how often it is looked: also pods that have just started count as Kubernetes has it.
        workloadControllers(),
        horizontalPodAutoscaling({ syncPeriodSeconds: 0.5 }),
        dockerRuntime({ id: 'use', socketPath: engine.socketPath, network: 'none' }),
        nodeAgent({
          name: 'node', rootDir: join(folder, 'node'), metricsSeconds: 1, eviction: 'off', imageGCHighThresholdPercent: 100, imageGCLowThresholdPercent: 99,
          capacity: { cpu: '100', memory: '100Gi', pods: '500' }, policy: { hostPaths: [{ path: folder, readOnly: true }] },
        }),
      ],
    });
    await orchestrator.start();
  }, 60_000);
  afterAll(async () => {
    // Pods live on without their agent, and so would their mounts.
    await orchestrator?.client.kind(HorizontalPodAutoscaler).deleteCollection({ namespace: 'default' });
    await orchestrator?.client.kind(Deployment).deleteCollection({ namespace: 'default' });
    await until('no pods', async () => (await orchestrator.client.kind(Pod).list()).items.length === 0);
    await orchestrator?.stop();
    await engine?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Pods look at these files to know what to do. */
  const turn = (name: string, on: boolean): void => (on ? closeSync(openSync(join(folder, name), 'w')) : rmSync(join(folder, name), { force: true }));
  const ref = (name: string) => ({ namespace: 'default', name });
  const autoscaler = (name: string) => orchestrator.client.kind(HorizontalPodAutoscaler).get(ref(name));
  const current = async (name: string) => (await autoscaler(name)).status?.currentMetrics?.[0]?.resource?.current;
  const told = async (name: string): Promise<(string | undefined)[]> => (await orchestrator.client.kind(Event).list()).items.filter(({ involvedObject }) => involvedObject.kind === 'HorizontalPodAutoscaler' && involvedObject.name === name).map(({ message }) => message);
  const pods = async (name: string) => (await orchestrator.client.kind(Pod).list({ namespace: 'default', labelSelector: `app=${name}` })).items;
  const isReady = ({ status }: Pod): boolean => status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
  const ready = async (name: string): Promise<number> => (await pods(name)).filter((pod) => pod.metadata.deletionTimestamp === undefined && isReady(pod)).length;

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    const started = systemClock.monotonic();
    while (!(await holds())) {
      if (systemClock.monotonic() - started > 20_000) {
        const seen = (await orchestrator.client.kind(HorizontalPodAutoscaler).list()).items.map(({ metadata, status }) => ({ name: metadata.name, status }));
        const states = (await orchestrator.client.kind(Pod).list()).items.map(({ metadata, status }) => [metadata.name, status?.phase, status?.message, status?.containerStatuses?.[0]?.state]);
        throw new Error(`not within 20 s: ${what}; ${JSON.stringify([seen, states])}`);
      }
      await systemClock.sleep(100, never);
    }
  }

  async function deploy(name: string, script: string, maxReplicas: number, metric: object): Promise<void> {
    const labels = { app: name };
    const container = {
      name: 'main', image: 'box', imagePullPolicy: 'Never', command: ['sh', '-c', `trap 'exit 0' TERM; ${script}`], volumeMounts: [{ name: 'told', mountPath: '/told', readOnly: true }, { name: 'own', mountPath: '/own' }],
      resources: { requests: { cpu: `${REQUEST_MILLIS}m` }, limits: { cpu: `${LIMIT_MILLIS}m`, memory: '128Mi' } },
    };
    const volumes = [{ name: 'told', hostPath: { path: folder } }, { name: 'own', emptyDir: { medium: 'Memory' } }];
    const template = { metadata: { labels }, spec: { terminationGracePeriodSeconds: 1, containers: [container], volumes } };
    await orchestrator.client.apply([
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: ref(name), spec: { selector: { matchLabels: labels }, template } },
      {
        apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: ref(name),
        spec: {
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name }, minReplicas: 1, maxReplicas, metrics: [{ type: 'Resource', resource: metric }],
          behavior: { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 1 }] }, scaleDown: { stabilizationWindowSeconds: 1, policies: [{ type: 'Percent', value: 100, periodSeconds: 1 }] } },
        },
      },
    ]);
  }
  const replicas = async (name: string): Promise<number> => (await orchestrator.client.kind(Deployment).get(ref(name))).spec.replicas ?? 0;

  it('cpu: 1 → 3 while each uses all of its limit, and back when none does', { timeout: 90_000 }, async () => {
    await deploy('burner', 'while :; do while [ -e /told/burn ]; do :; done; sleep 0.5; done', 3, { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } });
    await until('the use of one that does little', async () => (await current('burner'))?.averageUtilization !== undefined);
    expect(await replicas('burner')).toBe(1);
    expect(milliValue((await current('burner'))?.averageValue ?? '1')).toBeLessThan(REQUEST_MILLIS * 0.8);

    turn('burn', true);
    await until('three that burn', async () => (await ready('burner')) === 3);
    expect(await told('burner')).toEqual(expect.arrayContaining(['New size: 2', 'New size: 3'].map((text) => `${text}; reason: cpu resource utilization (percentage of request) above target`)));
    // The kernel lets none have more than its limit, and that is what is told of them: not of one of them, nor of all together.
    await until('the use of all three', async () => {
      const { averageUtilization = 0 } = (await current('burner')) ?? {};
      return averageUtilization > 150 && averageUtilization < 250;
    });
    expect(await replicas('burner')).toBe(3);

    turn('burn', false);
    await until('one again', async () => (await replicas('burner')) === 1 && (await pods('burner')).length === 1);
    expect(await told('burner')).toContain('New size: 1; reason: All metrics below target');
  });

  it('memory: 1 → 2 while each holds what it took, and back when it is given back', { timeout: 90_000 }, async () => {
    await deploy('eater', `while :; do if [ -e /told/eat ]; then [ -e /own/x ] || head -c ${EATEN} /dev/zero > /own/x; else rm -f /own/x; fi; sleep 0.5; done`, 2, { name: 'memory', target: { type: 'AverageValue', averageValue: '20Mi' } });
    await until('the use of one that holds little', async () => (await current('eater'))?.averageValue !== undefined);
    const little = value((await current('eater'))?.averageValue ?? '1Ti');
    expect(little).toBeLessThan(15 * MEBIBYTE);
    expect(await replicas('eater')).toBe(1);

    turn('eat', true);
    await until('two', async () => (await ready('eater')) === 2);
    expect(await told('eater')).toContain('New size: 2; reason: memory resource above target');
    await until('what both hold', async () => Math.abs(value((await current('eater'))?.averageValue ?? '0') - little - EATEN) < 8 * MEBIBYTE);

    turn('eat', false);
    await until('one again', async () => (await replicas('eater')) === 1 && (await pods('eater')).length === 1);
    expect(value((await current('eater'))?.averageValue ?? '1Ti')).toBeLessThan(20 * MEBIBYTE);
  });
});
