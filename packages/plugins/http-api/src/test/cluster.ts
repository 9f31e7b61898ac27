import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workloadControllers } from '@orrery/controllers';
import { createOrchestrator, definePlugin, type Orchestrator, type OrchestratorOptions } from '@orrery/core';
import { nodeAgent } from '@orrery/node-agent';
import { simulatedRuntime } from '@orrery/runtime-simulated';
import { scheduler } from '@orrery/scheduler';
import { memoryStore } from '@orrery/store-memory';
import { httpApi } from '../index.js';
import { TestAuthority } from './certificates.js';

/** The token of the user `anna`. */
export const TOKEN = 'anna-has-this-token-0123456789';

type Plugin = OrchestratorOptions['plugins'][number];

/** A whole orchestrator, with simulated containers where no runtime is given, served over HTTPS. */
export class TestCluster {
  private constructor(
    readonly folder: string,
    public orchestrator: Orchestrator,
    readonly url: string,
    readonly authority: TestAuthority,
    private readonly begin: (port: number) => Promise<Orchestrator>,
  ) {}

  /** Of simulated containers those that call something, as the tests of charts do, end. */
  static async start({ runtime = () => simulatedRuntime({ behaviour: ({ command = [] }) => ({ startDelayMs: 20, ...(command[0] === 'wget' && { exitAfterMs: 50 }) }) }), store = () => memoryStore() }: { runtime?: (() => Plugin) | Plugin; store?: (folder: string) => Plugin } = {}): Promise<TestCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'orrery-http-api-'));
    const authority = new TestAuthority(folder);
    let url = '';
    const begin = async (port: number): Promise<Orchestrator> => {
      const orchestrator = await createOrchestrator({
        plugins: [
          store(folder),
          scheduler(),
          workloadControllers(),
          typeof runtime === 'function' ? runtime() : runtime,
          nodeAgent({ metricsSeconds: 0.5, rootDir: join(folder, 'nodes'), prober: { probe: async () => ({ ok: true, message: '' }) }, capacity: { cpu: '64', memory: '64Gi', pods: '500' }, nodes: [{ name: 'n1' }, { name: 'n2' }] }),
          httpApi({ port, tls: { ...authority.server(), clientCa: authority.certificate }, tokens: [{ token: TOKEN, user: 'anna' }], listening: (at) => (url = at) }),
        ],
      });
      await orchestrator.start();
      return orchestrator;
    };
    const orchestrator = await begin(0);
    return new TestCluster(folder, orchestrator, url, authority, begin);
  }

  /** Closes the front door, does something meanwhile, and starts everything anew at the same address. Only for stores that keep what they have. */
  async restart(meanwhile: () => Promise<void>): Promise<void> {
    await this.orchestrator.replace('http-api', definePlugin({ name: 'http-api', setup: () => undefined })());
    await meanwhile();
    await this.orchestrator.stop();
    this.orchestrator = await this.begin(Number(new URL(this.url).port));
  }

  async stop(): Promise<void> {
    await this.orchestrator.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
