import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { TLSSocket } from 'node:tls';
import { offeredProtocols } from '@orrery/stream-channels';

/** Of one connection only (RFC 9110, 7.6.1). */
const HOP_BY_HOP: ReadonlySet<string> = new Set(['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'trailers', 'transfer-encoding', 'upgrade']);
/** Who may read what the API server answers is for the API server to say. */
const OF_OTHER_ORIGINS: ReadonlySet<string> = new Set(['access-control-allow-credentials', 'access-control-allow-headers', 'access-control-allow-methods', 'access-control-allow-origin', 'access-control-expose-headers', 'access-control-max-age']);

/** Headers that are passed on to a pod, service or node. Credentials for the API server stay with it. Pure, but for what the connection is. */
export function forwardedHeaders(request: IncomingMessage, { path, isUpgrade }: { readonly path: string; readonly isUpgrade: boolean }): OutgoingHttpHeaders {
  const headers = kept(request.headers, (name) => name === 'authorization' || name.startsWith('impersonate-') || name === 'expect' || (isUpgrade && name === 'content-length'));
  const protocols = offeredProtocols(request);
  if (protocols.length > 0) headers['sec-websocket-protocol'] = protocols.join(', ');
  else delete headers['sec-websocket-protocol'];
  const { socket } = request;
  const before = headers['x-forwarded-for'];
  return {
    ...headers,
    'x-forwarded-for': [...(before === undefined ? [] : [String(before)]), socket.remoteAddress ?? ''].join(', '),
    'x-forwarded-host': request.headers.host ?? '',
    'x-forwarded-proto': socket instanceof TLSSocket ? 'https' : 'http',
    'x-forwarded-uri': path,
    ...(isUpgrade ? { connection: 'Upgrade', upgrade: request.headers.upgrade } : request.headers['transfer-encoding'] !== undefined && { 'transfer-encoding': 'chunked' }),
  };
}

/** Headers of an answer that are passed back. @param place where what answers is found at the API server */
export function answeredHeaders({ headers }: IncomingMessage, place: string, host: string | undefined): OutgoingHttpHeaders {
  const passed = kept(headers, (name) => OF_OTHER_ORIGINS.has(name));
  if (typeof passed['location'] === 'string') passed['location'] = relocated(passed['location'], place, host);
  return passed;
}

/** A place to go to, for who sees it through the API server: paths of the server itself are below `place` there. Pure. */
export function relocated(location: string, place: string, host: string | undefined): string {
  if (location.startsWith('/') && !location.startsWith('//')) return place + location;
  const url = URL.canParse(location) ? new URL(location) : undefined;
  return url !== undefined && host !== undefined && url.host === host ? `${place}${url.pathname}${url.search}${url.hash}` : location;
}

function kept(headers: IncomingHttpHeaders, isOurs: (name: string) => boolean): OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? '').toLowerCase().split(',').map((name) => name.trim()));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name) && !isOurs(name)));
}
