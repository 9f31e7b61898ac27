import { type IncomingMessage, request } from 'node:http';
import type { HTTPGetAction } from '@orrery/core';
import type { ProbeResult } from './prober.js';

/** Redirects that are followed, as in the kubelet. */
const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Asks by HTTP or HTTPS; a status from 200 to 399 is success. Redirects are followed on the same host; one that leads to another host is
 * success by itself, since nobody but the container is to be asked (kubelet's prober/http). Rejects when nobody answers; the signal ends the wait.
 */
export async function httpProbe(get: HTTPGetAction, host: string, port: number, signal: AbortSignal): Promise<ProbeResult> {
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close' };
  for (const { name, value } of get.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  const path = get.path === undefined || get.path === '' ? '/' : get.path.startsWith('/') ? get.path : `/${get.path}`;
  const first = new URL(`${get.scheme === 'HTTPS' ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`);
  let url = new URL(path.replace(/^\/+/, '/'), first);
  for (let redirects = 0; ; redirects += 1) {
    const { status, location } = await send(url, headers, signal);
    if (!REDIRECTS.has(status) || location === undefined) return statusResult(status);
    const next = URL.canParse(location, url.href) ? new URL(location, url) : undefined;
    if (next === undefined || !/^https?:$/.test(next.protocol) || next.hostname !== first.hostname) return statusResult(status);
    if (redirects === MAX_REDIRECTS) return { ok: false, message: `stopped after ${MAX_REDIRECTS} redirects` };
    url = next;
  }
}

const statusResult = (status: number): ProbeResult =>
  status >= 200 && status < 400 ? { ok: true, message: '' } : { ok: false, message: `HTTP probe failed with statuscode: ${status}` };

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
}

async function send(url: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  // The kubelet does not check certificates of probes either: they are asked about life, not identity.
  const ask = url.protocol === 'https:' ? (await import('node:https')).request : request;
  const options = { headers, signal, agent: false as const, ...(url.protocol === 'https:' && { rejectUnauthorized: false }) };
  return new Promise((resolve, reject) => {
    const outgoing = ask(url, options, (reply: IncomingMessage) => {
      const { statusCode: status = 0, headers: replied } = reply;
      // Nobody reads the body.
      reply.on('error', () => undefined);
      reply.destroy();
      resolve({ status, location: replied.location });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}
