import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type BenchResult, median, rounded } from './measure.js';
import type { ClientOrder, ClientReport } from './proxy-wire.js';

const ROUNDS = 13;
const SLICE_MS = 250;
const LANES = { requests: 32, connections: 64 } as const;
const TARGETS = ['pipe', 'userspace', 'direct'] as const;

type Target = (typeof TARGETS)[number];
type Mode = ClientOrder['mode'];

/**
 * Small requests over open connections, and connections with one request each: through the proxy, through a bare pipe of two sockets in Node, and
 * directly. Client, proxies and backend are processes of their own. All three take turns within a round, in changing order, and ratios are taken
 * within a round, so that what else the machine does meets them alike.
 */
export async function proxyBench(): Promise<BenchResult> {
  const programs: ChildProcess[] = [];
  try {
    const backend = await start<number>(programs, 'proxy-backend');
    const ports: Record<Target, number> = {
      pipe: (await start<number>(programs, 'proxy-front', 'pipe', String(backend.first))).first,
      userspace: (await start<number>(programs, 'proxy-front', 'userspace', String(backend.first))).first,
      direct: backend.first,
    };
    const client = (await start<string>(programs, 'proxy-client')).program;
    const rates: Record<Mode, Record<Target, number[]>> = { requests: { pipe: [], userspace: [], direct: [] }, connections: { pipe: [], userspace: [], direct: [] } };
    for (let round = -1; round < ROUNDS; round += 1) {
      for (const mode of ['requests', 'connections'] as const) {
        for (let turn = 0; turn < TARGETS.length; turn += 1) {
          const target = TARGETS[(round + 1 + turn) % TARGETS.length] as Target;
          const rate = await measure(client, { mode, port: ports[target], lanes: LANES[mode], durationMs: SLICE_MS });
          // The first round warms up.
          if (round >= 0) rates[mode][target].push(rate);
        }
      }
    }
    return { bench: 'proxy', metrics: metricsOf(rates) };
  } finally {
    for (const program of programs) program.disconnect();
  }
}

function metricsOf(rates: Record<Mode, Record<Target, number[]>>): Record<string, number> {
  const ratio = (mode: Mode, to: Target): number => rounded(median(rates[mode].userspace.map((rate, i) => rate / (rates[mode][to][i] as number))));
  const metrics: Record<string, number> = {
    requestRatioToPipe: ratio('requests', 'pipe'),
    connectionRatioToPipe: ratio('connections', 'pipe'),
    requestRatioToDirect: ratio('requests', 'direct'),
    connectionRatioToDirect: ratio('connections', 'direct'),
  };
  for (const mode of ['requests', 'connections'] as const) {
    for (const target of TARGETS) metrics[`${mode}PerSecond${target.replace(/^./, (c) => c.toUpperCase())}`] = rounded(median(rates[mode][target]));
  }
  return metrics;
}

/** Starts a program beside this file; resolves with its first message. */
async function start<T>(programs: ChildProcess[], name: string, ...args: string[]): Promise<{ readonly program: ChildProcess; readonly first: T }> {
  const program = fork(new URL(`./${name}.js`, import.meta.url), args);
  programs.push(program);
  return { program, first: await answer<T>(program, name) };
}

async function measure(client: ChildProcess, order: ClientOrder): Promise<number> {
  const report = answer<ClientReport>(client, 'proxy-client');
  client.send(order);
  const { perSecond, failures } = await report;
  if (failures > 0) throw new Error(`${failures} connections failed (${order.mode}, port ${order.port})`);
  return perSecond;
}

/** The next message; throws when the program ends instead. */
async function answer<T>(program: ChildProcess, name: string): Promise<T> {
  const abort = new AbortController();
  const gone = once(program, 'exit', { signal: abort.signal }).then(([code]) => {
    throw new Error(`${name} ended with ${String(code)}`);
  });
  try {
    const [message] = (await Promise.race([once(program, 'message', { signal: abort.signal }), gone])) as unknown as [T];
    return message;
  } finally {
    gone.catch(() => undefined /* aborted: it goes on */);
    abort.abort();
  }
}
