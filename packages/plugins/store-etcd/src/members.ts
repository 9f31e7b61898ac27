import type { ChannelOptions, Client } from '@grpc/grpc-js';
import { OrreryError } from '@orrery/core';
import type { Driver } from './driver.js';
import type { EtcdTls } from './options.js';

/** One member of the cluster as it is addressed. */
export interface Endpoint {
  /** `host:port`. */
  readonly target: string;
  readonly tls: boolean;
}

/** Reads `http://host:port`, `https://host:port` or `host:port`. Throws `INVALID`. */
export function parseEndpoint(text: string, tlsByDefault: boolean): Endpoint {
  const [, scheme, target] = /^(?:(https?):\/\/)?((?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5})\/?$/.exec(text) ?? [];
  // The text is not repeated: somebody may have put a password into it.
  if (target === undefined) throw new OrreryError('INVALID', 'An endpoint of etcd must be http://host:port, https://host:port or host:port.');
  return { target, tls: scheme === undefined ? tlsByDefault : scheme === 'https' };
}

/**
 * etcd refuses pings that come more often than every five seconds. A member that does not answer them is given up after less than ten seconds, the silence
 * after which a watcher expects a bookmark.
 */
const CHANNEL: ChannelOptions = {
  'grpc.keepalive_time_ms': 5_500,
  'grpc.keepalive_timeout_ms': 2_500,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 1_000,
  'grpc.max_receive_message_length': 256 * 1024 * 1024,
  'grpc.max_send_message_length': -1,
  // A commit must never be sent twice without our knowing.
  'grpc.enable_retries': 0,
  'grpc.use_local_subchannel_pool': 1,
};

/** A channel to one member. Nothing is connected before the first call. */
export function makeClient({ grpc }: Driver, { target, tls }: Endpoint, { ca, cert, key, serverName }: EtcdTls = {}): Client {
  const pem = (text: string | undefined): Buffer | null => (text === undefined ? null : Buffer.from(text));
  const credentials = tls ? grpc.credentials.createSsl(pem(ca), pem(key), pem(cert)) : grpc.credentials.createInsecure();
  return new grpc.Client(target, credentials, { ...CHANNEL, ...(serverName !== undefined && { 'grpc.ssl_target_name_override': serverName }) });
}
