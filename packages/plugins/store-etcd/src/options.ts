import type { Clock, Random } from '@orrery/core';

/** Certificates for connections by TLS, as PEM text. */
export interface EtcdTls {
  /** Who signed the servers' certificates. Default: the authorities that Node trusts. */
  readonly ca?: string;
  /** This client's certificate, where etcd asks for one. */
  readonly cert?: string;
  /** The key of `cert`. Never logged. */
  readonly key?: string;
  /** The name to expect in the server's certificate where it differs from the host of the endpoint. */
  readonly serverName?: string;
}

/** Options of {@link EtcdStore}. */
export interface EtcdStoreOptions {
  /** Members of one cluster: `http://host:port`, `https://host:port`, or `host:port` (then TLS if `tls` is given). */
  readonly endpoints: readonly string[];
  /** Before every key in etcd, so that several stores can share a cluster. Printable ASCII, ends in `/`. Default `/orrery/`. */
  readonly prefix?: string;
  readonly user?: string;
  /** Never logged. */
  readonly password?: string;
  readonly tls?: EtcdTls;
  /** How long one member may take to answer before another is asked, milliseconds; default 2,000. */
  readonly requestTimeoutMs?: number;
  /** How long a call may take in all, over all tries, milliseconds; default 5,000. Then `UNAVAILABLE`, or `OUTCOME_UNKNOWN` for a commit that may have happened. */
  readonly outcomeTimeoutMs?: number;
  /** The largest encoded value, bytes; default 1,500,000 (etcd takes 1.5 MiB in one request). */
  readonly maxValueBytes?: number;
  /** Revisions kept in memory for watchers; older ones are read from etcd. Default 10,000. */
  readonly windowRevisions?: number;
  /** Silence after which a watcher gets a bookmark, milliseconds; default 10,000. */
  readonly bookmarkMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Told of what an operator may want to know: a member that cannot be reached, a new session. Without secrets. */
  readonly warn?: (message: string, details: Readonly<Record<string, unknown>>) => void;
}
