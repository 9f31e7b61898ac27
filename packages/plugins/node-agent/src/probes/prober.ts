import { request } from 'node:http';
import { connect } from 'node:net';
import type { Container, LifecycleHandler, Pod, ProbeHandler, Runtime } from '@orrery/core';

/** What is probed. */
export interface ProbeTarget {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  /** Where the pod's ports are. */
  readonly podIP: string;
}

/** Which question is asked; simulated machines answer by it. */
export type ProbeKind = 'liveness' | 'readiness' | 'startup' | 'postStart' | 'preStop';

/** A probe's answer. */
export interface ProbeResult {
  readonly ok: boolean;
  /** Why not, for events; bounded, and never the body of a reply. */
  readonly message: string;
}

/** Asks containers how they are. The signal aborts when the answer comes too late. */
export interface Prober {
  probe(target: ProbeTarget, handler: ProbeHandler | LifecycleHandler, kind: ProbeKind, signal: AbortSignal): Promise<ProbeResult>;
}

const OK: ProbeResult = { ok: true, message: '' };
const failed = (message: string): ProbeResult => ({ ok: false, message: message.slice(0, 256) });

/** Asks over the network and with `exec`, as the kubelet does. */
export class NetworkProber implements Prober {
  constructor(private readonly runtime: Runtime) {}

  async probe(target: ProbeTarget, handler: ProbeHandler | LifecycleHandler, _kind: ProbeKind, signal: AbortSignal): Promise<ProbeResult> {
    try {
      if (handler.exec !== undefined) return await this.#exec(target, handler.exec.command ?? [], signal);
      if (handler.httpGet !== undefined) return await httpProbe(target, handler.httpGet, signal);
      if (handler.tcpSocket !== undefined) return await tcpProbe(handler.tcpSocket.host ?? target.podIP, portOf(target.container, handler.tcpSocket.port), signal);
      return failed('the probe has no handler that this agent knows');
    } catch (error) {
      return failed(signal.aborted ? 'no answer in time' : error instanceof Error ? error.message : String(error));
    }
  }

  async #exec(target: ProbeTarget, command: readonly string[], signal: AbortSignal): Promise<ProbeResult> {
    const session = await this.runtime.exec(target.containerId, { command, tty: false, stdin: false }, signal);
    const drain = async (stream: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const _chunk of stream);
    };
    try {
      const [code] = await Promise.all([session.exitCode, drain(session.stdout), drain(session.stderr)]);
      return code === 0 ? OK : failed(`command exited with ${code}`);
    } finally {
      await session.close();
    }
  }
}

type HttpGet = NonNullable<ProbeHandler['httpGet']>;

function httpProbe(target: ProbeTarget, get: HttpGet, signal: AbortSignal): Promise<ProbeResult> {
  if (get.scheme === 'HTTPS') return httpsProbe(target, get, signal);
  return new Promise((resolve, reject) => send(request, target, get, signal, {}, resolve, reject));
}

async function httpsProbe(target: ProbeTarget, get: HttpGet, signal: AbortSignal): Promise<ProbeResult> {
  const https = await import('node:https');
  // The kubelet does not check certificates of probes either: they are asked about life, not identity.
  return new Promise((resolve, reject) => send(https.request, target, get, signal, { rejectUnauthorized: false }, resolve, reject));
}

function send(ask: typeof request, target: ProbeTarget, get: HttpGet, signal: AbortSignal, extra: object, resolve: (result: ProbeResult) => void, reject: (error: Error) => void): void {
  const host = get.host === undefined || get.host === '' ? target.podIP : get.host;
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close' };
  for (const { name, value } of get.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const path = get.path === undefined || get.path === '' ? '/' : get.path.startsWith('/') ? get.path : `/${get.path}`;
  const outgoing = ask({ host, port: portOf(target.container, get.port), path, headers, signal, agent: false, ...extra }, (reply) => {
    const status = reply.statusCode ?? 0;
    reply.destroy();
    resolve(status >= 200 && status < 400 ? OK : failed(`HTTP probe failed with statuscode: ${status}`));
  });
  outgoing.on('error', reject);
  outgoing.end();
}

function tcpProbe(host: string, port: number, signal: AbortSignal): Promise<ProbeResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: host === '' ? '127.0.0.1' : host, port });
    const abort = (): void => void socket.destroy(new Error('no answer in time'));
    signal.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => {
      socket.destroy();
      resolve(OK);
    });
    socket.once('error', reject);
    socket.once('close', () => signal.removeEventListener('abort', abort));
  });
}

/** A port by number or by the name the container gives it. */
export function portOf(container: Container, port: number | string): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port);
  const number = named?.containerPort ?? Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535) throw new RangeError(`the container has no port ${JSON.stringify(port.slice(0, 50))}`);
  return number;
}
