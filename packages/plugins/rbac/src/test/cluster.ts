import { request as httpRequest } from 'node:http';
import { type Client, createOrchestrator, type Orchestrator, type Plugin } from '@orrery/core';
import { httpApi } from '@orrery/http-api';
import { memoryStore } from '@orrery/store-memory';
import { rbac } from '../index.js';

/** What came back. */
export interface Answer {
  readonly code: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests say what they expect
  readonly body: any;
}

/** Users with their groups; the token of each is its name and `-has-this-token-0123456789`. */
export const USERS: Readonly<Record<string, readonly string[]>> = {
  root: ['system:masters'],
  anna: ['team'],
  ben: [],
  'system:node:n1': ['system:nodes'],
  'system:node:n2': ['system:nodes'],
  'system:node:': ['system:nodes'],
  'system:serviceaccount:default:robot': ['system:serviceaccounts', 'system:serviceaccounts:default'],
};
/** The token of a user. */
export const tokenOf = (user: string): string => `${user}-has-this-token-0123456789`;

/** An orchestrator with RBAC, served over HTTP. */
export class Cluster {
  private constructor(
    readonly orchestrator: Orchestrator,
    readonly url: string,
  ) {}

  static async start(plugins: readonly Plugin[] = [rbac()], store: Plugin = memoryStore()): Promise<Cluster> {
    let url = '';
    const tokens = Object.entries(USERS).map(([user, groups]) => ({ token: tokenOf(user), user, groups: [...groups] }));
    const orchestrator = await createOrchestrator({ plugins: [store, ...plugins, httpApi({ port: 0, tokens, anonymous: true, listening: (at) => (url = at) })] });
    await orchestrator.start();
    return new Cluster(orchestrator, url);
  }

  get client(): Client {
    return this.orchestrator.client;
  }

  stop(): Promise<void> {
    return this.orchestrator.stop();
  }

  /** One request, in the name of a user; without one, of nobody. */
  ask(user: string | undefined, method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    return new Promise((resolve, reject) => {
      const sent = { ...(user !== undefined && { authorization: `Bearer ${tokenOf(user)}` }), ...(bytes && { 'content-type': 'application/json', 'content-length': String(bytes.length) }), ...headers };
      const request = httpRequest(`${this.url}${path}`, { method, headers: sent, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const isJson = response.headers['content-type']?.startsWith('application/json') === true && response.headers['content-encoding'] === undefined;
          resolve({ code: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : text });
        });
      });
      request.on('error', reject).end(bytes);
    });
  }

  /** Asks again until the answer has this code: decisions follow what is written with the delay of a watch. */
  async until(code: number, ...question: Parameters<Cluster['ask']>): Promise<Answer> {
    for (let turn = 0; ; turn += 1) {
      const answer = await this.ask(...question);
      if (answer.code === code || turn === 500) return answer;
    }
  }
}
