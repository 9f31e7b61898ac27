import type { Proxy } from '../../contracts/proxy.js';
import type { SuiteContext } from '../suite.js';

/** A fresh proxy for one case, and what the suite must know of its surroundings. Backends are real sockets on 127.0.0.1. */
export interface ProxyContext extends SuiteContext {
  readonly proxy: Proxy;
  /** What it can carry. */
  readonly protocols: readonly ('TCP' | 'UDP' | 'SCTP')[];
  /** A cluster address that nothing else uses; every call gives another one. */
  serviceAddress(): string;
  /** The node that the proxy serves: its endpoints count as local. Absent: it knows no nodes. */
  readonly nodeName?: string;
  /** Where node ports are reached, and a port that is free there. Absent: it opens none. */
  nodePort?(): { readonly address: string; readonly port: number };
  /** Moves the proxy's time, without real waiting. Absent: the suite waits. */
  advance?(ms: number): void;
  /** Puts another proxy in the place of the first, which ends as the host process may end: for a proxy whose rules outlive it, without cleaning up. */
  successor?(): Promise<Proxy>;
  /** Whether a socket that somebody else opened at a cluster address is in the way. */
  readonly listens: boolean;
}
