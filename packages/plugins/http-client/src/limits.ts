/** Bounds of a transport. */
export interface ClientLimits {
  /** Milliseconds until an answer must have come, or a watch have begun. */
  readonly answerMs: number;
  /** Bytes of one answer, unpacked. */
  readonly answerBytes: number;
  /** Bytes of one event of a watch. */
  readonly eventBytes: number;
  /** Connections for requests; watches have one each besides. */
  readonly connections: number;
  /** Milliseconds a server may ask to wait before a request is sent again; longer ones are cut. */
  readonly retryAfterMs: number;
}

/** Unless said otherwise. */
export const DEFAULT_CLIENT_LIMITS: ClientLimits = { answerMs: 60_000, answerBytes: 256 * 2 ** 20, eventBytes: 16 * 2 ** 20, connections: 64, retryAfterMs: 30_000 };
