import { list } from '../kernel/tokens.js';
import type { NodeStreams } from './pod-streams.js';
import type { DuplexStream } from './runtime.js';

/**
 * The way to nodes whose agents are in other processes or on other machines: by their own servers, as kube-apiserver reaches kubelets.
 * Nothing is known of a node beforehand: what keeps it from being reached is told when something is asked of it, with an `ApiError` in kube-apiserver's words.
 */
export interface RemoteNodes {
  /** The streams of the pods of a node, by the node's name. Asking for a stream throws NotFound (no such node), ServiceUnavailable (it does not say where its server is) and `''` (it cannot be reached), or what the node refuses it with. */
  streams(node: string): NodeStreams;
  /** Opens a connection to the server of a node, on which HTTP/1.1 is spoken. Throws as `streams`. It ends when the signal aborts. */
  connect(node: string, signal: AbortSignal): Promise<DuplexStream>;
}

/** The ways to nodes elsewhere; the first is taken for nodes that are not in this process. */
export const RemoteNodes = list<RemoteNodes>('RemoteNodes');
