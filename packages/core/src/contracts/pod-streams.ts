import { list } from '../kernel/tokens.js';
import type { AttachOptions, DuplexStream, ExecOptions, ExecSession, PodIdentity } from './runtime.js';

/** Which part of a container's output is wanted (v1 PodLogOptions), checked beforehand. */
export interface LogQuery {
  /** Goes on until the container has ended. */
  readonly follow?: boolean;
  /** Of the container as it was before it was started last. */
  readonly previous?: boolean;
  /** Only lines at or after this time, milliseconds since the epoch. */
  readonly sinceTime?: number;
  /** Each line begins with its time (RFC 3339 with nanoseconds) and a space. */
  readonly timestamps?: boolean;
  /** Only the last so many lines. Not together with `stream`. */
  readonly tailLines?: number;
  /** Bytes at most, times included. The last line may be cut. */
  readonly limitBytes?: number;
  /** Only what was written to this stream. */
  readonly stream?: 'stdout' | 'stderr';
}

/**
 * The streams of the pods of one node, as its agent offers them: what the kubelet's own server does.
 * A pod whose `uid` is empty is meant by its name alone. Containers are meant by their names in the pod, init and ephemeral containers included; whoever asks has made sure that the pod has one of that name.
 * Refusals are `ApiError`s in the kubelet's words; nothing is held for a request that was refused. Aborting the signal ends what it was given to.
 */
export interface NodeStreams {
  /** Name of the Node. */
  readonly node: string;
  /**
   * The container's output as text, in pieces. Throws NotFound (no such pod here), BadRequest (it has not started, there is no former one);
   * the pieces end with the output, or with `follow` with the container.
   */
  logs(pod: PodIdentity, container: string, query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** Runs a command in a running container. Throws NotFound (no such pod here) and InternalError (it does not run, the command cannot start, the runtime has no terminals). */
  exec(pod: PodIdentity, container: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession>;
  /**
   * Joins the streams of a running container, from now on. Whether there is a terminal is the container's matter, not the caller's.
   * Ending standard input ends the container's only where its `stdinOnce` says so. Throws as `exec` does.
   */
  attach(pod: PodIdentity, container: string, options: AttachOptions, signal: AbortSignal): Promise<ExecSession>;
  /** Opens one connection to a TCP port of the pod. Throws NotFound (no such pod here) and InternalError (refused, the pod does not run). */
  portForward(pod: PodIdentity, port: number, signal: AbortSignal): Promise<DuplexStream>;
}

/** The streams of every node that can be reached from here, one entry a node. */
export const PodStreams = list<NodeStreams>('PodStreams');
