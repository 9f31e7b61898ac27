/** What one server bears. Beyond a limit a request is refused with the status that says so; nothing grows without one. */
export interface HttpLimits {
  /** Longest request body, bytes; 413 beyond. Default 3 MiB, as kube-apiserver's. */
  readonly bodyBytes: number;
  /** Bytes of bodies that are held at the same time, over all requests; 429 beyond. Default 128 MiB. */
  readonly bodyBytesInFlight: number;
  /** Deepest nesting of a body; 400 beyond. Default 200. */
  readonly bodyDepth: number;
  /** Seats: requests that are answered at the same time, of which long lists take several; shared among priority levels. Others wait. Default 400, as kube-apiserver's. */
  readonly requests: number;
  /** Requests of one client that wait for seats; 429 beyond. Default 300, as many as one client of kube-apiserver has (six queues of 50). */
  readonly queueLength: number;
  /** Milliseconds a request waits for its seats; 429 beyond. Default 15,000, as kube-apiserver's. */
  readonly queueMs: number;
  /** Watches that are open at the same time; 429 beyond. Default 10,000. */
  readonly watches: number;
  /** Those of one user; 429 beyond. Default 5,000. */
  readonly watchesPerUser: number;
  /** Events a watcher may be behind, its initial ones not counted; its watch ends with 410 beyond. Default 1,000. */
  readonly watchBacklog: number;
  /** Logs, commands, attached clients and forwarded ports that are open at the same time; 429 beyond. Default 1,000. */
  readonly streams: number;
  /** Those of one user; 429 beyond. Default 500. */
  readonly streamsPerUser: number;
  /** Milliseconds in which nothing goes either way over a command, an attached client or forwarded ports, after which they are closed. Default 4 hours, as the kubelet's. */
  readonly streamIdleMs: number;
  /** Milliseconds in which the headers of a request must have come; 408 beyond. Default 10,000. */
  readonly headersMs: number;
  /** Milliseconds in which a body must have come; 408 beyond. Default 30,000. */
  readonly bodyMs: number;
  /** Milliseconds in which a request that is no watch is answered; 504 beyond. Default 60,000, as kube-apiserver's. */
  readonly answerMs: number;
  /** Milliseconds a client may take nothing of an answer that waits for it; the connection is cut beyond. Default 30,000. */
  readonly stallMs: number;
  /** Milliseconds that stopping waits for answers under way. Default 10,000. */
  readonly drainMs: number;
  /** Connections at the same time; more are not accepted. Default 12,000. */
  readonly connections: number;
}

/** The limits of a server that sets none. */
export const DEFAULT_LIMITS: HttpLimits = {
  bodyBytes: 3 * 2 ** 20,
  bodyBytesInFlight: 128 * 2 ** 20,
  bodyDepth: 200,
  requests: 400,
  queueLength: 300,
  queueMs: 15_000,
  watches: 10_000,
  watchesPerUser: 5_000,
  watchBacklog: 1_000,
  streams: 1_000,
  streamsPerUser: 500,
  streamIdleMs: 14_400_000,
  headersMs: 10_000,
  bodyMs: 30_000,
  answerMs: 60_000,
  stallMs: 30_000,
  drainMs: 10_000,
  connections: 12_000,
};
