import { request } from 'node:http';

/** What a server of the example says of itself. */
export interface Answer {
  readonly pod: string;
  readonly version: string;
  readonly pid: number;
}

/** The Service's port. */
export const PORT = 8080;

/** One request over a connection of its own. */
export function ask(host: string, port = PORT): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, agent: false, headers: { connection: 'close' }, timeout: 5_000 }, (reply) => {
      let body = '';
      reply.setEncoding('utf8');
      reply.on('data', (chunk: string) => (body += chunk));
      reply.on('error', reject);
      reply.on('end', () => (reply.statusCode === 200 ? resolve(JSON.parse(body) as Answer) : reject(new Error(`status ${reply.statusCode}`))));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 5 s')));
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Asks without a pause, over `lanes` connections at a time, until it is stopped; then tells how it went. */
export function load(host: string, lanes: number): { stop(): Promise<{ readonly answers: number; readonly failures: readonly string[]; readonly versions: ReadonlySet<string> }> } {
  let going = true;
  let answers = 0;
  const failures: string[] = [];
  const versions = new Set<string>();
  const lane = async (): Promise<void> => {
    while (going) {
      try {
        versions.add((await ask(host)).version);
        answers += 1;
      } catch (error) {
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const running = Promise.all(Array.from({ length: lanes }, lane));
  return {
    async stop() {
      going = false;
      await running;
      return { answers, failures, versions };
    },
  };
}
