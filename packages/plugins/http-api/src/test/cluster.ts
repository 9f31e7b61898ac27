import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { createOrchestrator, type Orchestrator, type OrchestratorOptions } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { simulatedRuntime } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { httpApi } from '../index.js';
import { TestAuthority } from './certificates.js';

/** The token of the user `anna`. */
export const TOKEN = 'anna-has-this-token-0123456789';

/** A whole orchestrator, with simulated containers where no runtime is given, served over HTTPS. */
export class TestCluster {
  private constructor(
    readonly folder: string,
    readonly orchestrator: Orchestrator,
    readonly url: string,
    readonly authority: TestAuthority,
  ) {}

  /** Of simulated containers those that call something, as the tests of charts do, end. */
  static async start({ runtime = simulatedRuntime({ behaviour: ({ command = [] }) => ({ startDelayMs: 20, ...(command[0] === 'wget' && { exitAfterMs: 50 }) }) }) }: { runtime?: OrchestratorOptions['plugins'][number] } = {}): Promise<TestCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'orrery-http-api-'));
    const authority = new TestAuthority(folder);
    let url = '';
    const orchestrator = await createOrchestrator({
      plugins: [
        memoryStore(),
        scheduler(),
        workloadControllers(),
        runtime,
        nodeAgent({ metricsSeconds: 0.5, rootDir: join(folder, 'nodes'), prober: { probe: async () => ({ ok: true, message: '' }) }, capacity: { cpu: '64', memory: '64Gi', pods: '500' }, nodes: [{ name: 'n1' }, { name: 'n2' }] }),
        httpApi({ port: 0, tls: { ...authority.server(), clientCa: authority.certificate }, tokens: [{ token: TOKEN, user: 'anna' }], listening: (at) => (url = at) }),
      ],
    });
    await orchestrator.start();
    return new TestCluster(folder, orchestrator, url, authority);
  }

  async stop(): Promise<void> {
    await this.orchestrator.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
