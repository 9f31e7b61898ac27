import { connect } from 'node:net';
import type { Container, LifecycleHandler, Pod, ProbeHandler, Runtime } from '@orrery/core';
import { httpProbe } from './http-probe.js';

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
const bounded = ({ ok, message }: ProbeResult): ProbeResult => ({ ok, message: message.slice(0, 256) });
const failed = (message: string): ProbeResult => bounded({ ok: false, message });

/** Asks over the network and with `exec`, as the kubelet does. */
export class NetworkProber implements Prober {
  constructor(private readonly runtime: Runtime) {}

  async probe(target: ProbeTarget, handler: ProbeHandler | LifecycleHandler, _kind: ProbeKind, signal: AbortSignal): Promise<ProbeResult> {
    try {
      if (handler.exec !== undefined) return await this.#exec(target, handler.exec.command ?? [], signal);
      if (handler.httpGet !== undefined) {
        const { host = '', port } = handler.httpGet;
        return bounded(await httpProbe(handler.httpGet, host === '' ? target.podIP : host, portOf(target.container, port), signal));
      }
      if (handler.tcpSocket !== undefined) return await tcpProbe(handler.tcpSocket.host ?? target.podIP, portOf(target.container, handler.tcpSocket.port), signal);
      if ('grpc' in handler && handler.grpc !== undefined) {
        // Few pods need HTTP/2, so it is loaded by the first that does.
        const { grpcProbe } = await import('./grpc-probe.js');
        return bounded(await grpcProbe({ host: target.podIP, port: handler.grpc.port, service: handler.grpc.service ?? '' }, signal));
      }
      return failed('the probe has no handler');
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
