import { request as httpRequest } from 'node:http';
import { type Client, type Clock, createOrchestrator, type Orchestrator, type Plugin } from '@orrery/core';
import { serviceAccounts } from '@orrery/controllers';
import { httpApi } from '@orrery/http-api';
import { rbac } from '@orrery/rbac';
import { memoryStore } from '@orrery/store-memory';
import { serviceAccountTokens } from '../index.js';

/** What came back. */
export interface Answer {
  readonly code: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests say what they expect
  readonly body: any;
}

/** The token of the administrator. */
export const ROOT = 'root-has-this-token-0123456789';
/** That of the agent of the node n1. */
export const NODE = 'node-has-this-token-0123456789';

/** An orchestrator with service accounts, their tokens and RBAC, served over HTTP. */
export class Cluster {
  private constructor(
    readonly orchestrator: Orchestrator,
    readonly url: string,
    readonly logged: string[],
  ) {}

  static async start(tokens: Plugin = serviceAccountTokens(), clock?: Clock): Promise<Cluster> {
    let url = '';
    const logged: string[] = [];
    const log = (...words: unknown[]): void => void logged.push(JSON.stringify(words));
    const logger = { debug: log, info: log, warn: log, error: log, child: () => logger };
    const users = [{ token: ROOT, user: 'root', groups: ['system:masters'] }, { token: NODE, user: 'system:node:n1', groups: ['system:nodes'] }];
    const door = httpApi({ port: 0, tokens: users, anonymous: true, listening: (at) => (url = at) });
    const orchestrator = await createOrchestrator({ plugins: [memoryStore(), serviceAccounts(), rbac(), tokens, door], logger, ...(clock && { clock }) });
    await orchestrator.start();
    return new Cluster(orchestrator, url, logged);
  }

  get client(): Client {
    return this.orchestrator.client;
  }

  stop(): Promise<void> {
    return this.orchestrator.stop();
  }

  /** One request, with a token; without one, of nobody. */
  ask(token: string | undefined, method: string, path: string, body?: unknown): Promise<Answer> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const headers = { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...(bytes && { 'content-type': 'application/json', 'content-length': String(bytes.length) }) };
      const request = httpRequest(`${this.url}${path}`, { method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ code: response.statusCode ?? 0, body: response.headers['content-type']?.includes('json') === true ? JSON.parse(text) : text });
        });
      });
      request.on('error', reject).end(bytes);
    });
  }

  /** Asks for a token of an account. */
  request(name: string, spec: object = {}, { by = ROOT, namespace = 'default', query = '' } = {}): Promise<Answer> {
    return this.ask(by, 'POST', `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token${query}`, { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec });
  }

  /** Whom a token stands for; the code when for nobody. */
  async who(token: string): Promise<unknown> {
    const { code, body } = await this.ask(token, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {});
    return code === 201 ? body.status.userInfo : code;
  }
}
