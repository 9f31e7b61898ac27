import { ApiError, errorMessage } from '@orrery/core';

/** What a simulated user asks of the API: how much has no answer yet, and what was refused. Refusals are part of a user's life; a mistake in a request is not. */
export class UserRequests {
  /** Requests that were refused, by reason. */
  readonly refused = new Map<string, number>();
  #open = 0;

  constructor(private readonly cluster: { violated(what: string): void }) {}

  /** Requests that have no answer yet. */
  get open(): number {
    return this.#open;
  }

  /** Waits for the answer of one, whatever it is. A request that is wrong in itself is a violation: a mistake of the simulation, or of the server. */
  async send(request: Promise<unknown>): Promise<void> {
    this.#open += 1;
    try {
      await request;
    } catch (error) {
      const reason = ApiError.is(error) ? error.reason : errorMessage(error);
      this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1);
      if (ApiError.is(error, 'Invalid') || ApiError.is(error, 'BadRequest') || !ApiError.is(error)) this.cluster.violated(`a request of the user was refused: ${errorMessage(error)}`);
    } finally {
      this.#open -= 1;
    }
  }
}
