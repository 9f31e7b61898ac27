import { ApiError, type AttachOptions, type DuplexStream, type ExecOptions, type ExecSession, type LogQuery, type NodeStreams, type PodIdentity } from '@orrery/core';

/** The streams of a node whose agent may not have been made yet: until then everything is refused with ServiceUnavailable. */
export class ReachableStreams implements NodeStreams {
  constructor(
    readonly node: string,
    private readonly agent: () => NodeStreams | undefined,
  ) {}

  async logs(pod: PodIdentity, container: string, query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return this.#reached().logs(pod, container, query, signal);
  }

  async exec(pod: PodIdentity, container: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession> {
    return this.#reached().exec(pod, container, options, signal);
  }

  async attach(pod: PodIdentity, container: string, options: AttachOptions, signal: AbortSignal): Promise<ExecSession> {
    return this.#reached().attach(pod, container, options, signal);
  }

  async portForward(pod: PodIdentity, port: number, signal: AbortSignal): Promise<DuplexStream> {
    return this.#reached().portForward(pod, port, signal);
  }

  #reached(): NodeStreams {
    const streams = this.agent();
    if (streams === undefined) throw new ApiError('ServiceUnavailable', `the agent of node ${JSON.stringify(this.node)} is not running`, { retryAfterSeconds: 1 });
    return streams;
  }
}
