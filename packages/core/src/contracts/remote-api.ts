import { seat } from '../kernel/tokens.js';
import type { Transport } from './transport.js';

/**
 * The API of a cluster that is served elsewhere: by an orchestrator in another process, or by Kubernetes. An orchestrator with this seat taken has no API server and no store of its own;
 * its controllers, scheduler, agents and proxies work over this line. Who they are is what the line's credentials say: the user named in a request counts for nothing unless the line says otherwise. It drops the
 * fence of a request: no API server elsewhere knows one.
 */
export interface RemoteApi extends Transport {
  /** Milliseconds after which a watch that says nothing counts as dead. kube-apiserver sends bookmarks about once a minute, so well above that. */
  readonly silenceMs: number;
}

/** The API of a cluster that is served elsewhere. */
export const RemoteApi = seat<RemoteApi>('RemoteApi');
