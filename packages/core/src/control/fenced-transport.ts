import type { ApiRequest, Transport, WatchEvent, WatchRequest } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { OrreryError } from '../kernel/errors.js';
import type { KubeList, KubeObject } from '../model/object.js';
import type { Term } from './leader-election.js';

/**
 * What a leader writes through: every write carries the fence of its term, and is refused here already when the term is known to be over. Reads pass.
 * A write that the store refuses because of its fence ends the term.
 */
export class FencedTransport implements Transport {
  /** @param term the term under which is written; asked before each write */
  constructor(
    private readonly inner: Transport,
    private readonly term: () => Term | undefined,
  ) {}

  async request(request: ApiRequest, signal?: AbortSignal): Promise<KubeObject | KubeList> {
    if (request.verb === 'get' || request.verb === 'list') return this.inner.request(request, signal);
    const term = this.term();
    if (term?.holds() !== true) throw notLeading();
    try {
      return await this.inner.request({ ...request, fence: term.fence }, signal);
    } catch (error) {
      if (ApiError.is(error) && OrreryError.is(error.cause, 'LEASE_LOST')) term.refused();
      throw error;
    }
  }

  watch(request: WatchRequest, signal: AbortSignal): AsyncIterable<readonly WatchEvent[]> {
    return this.inner.watch(request, signal);
  }
}

function notLeading(): ApiError {
  const cause = new OrreryError('LEASE_LOST', 'This orchestrator does not lead now.');
  return new ApiError('ServiceUnavailable', 'this orchestrator does not lead now; its controllers and scheduler write nothing', {}, cause);
}
