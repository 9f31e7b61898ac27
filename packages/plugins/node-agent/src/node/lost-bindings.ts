import { ApiError, type Client, errorMessage, type Logger, Pod } from '@orrery/core';

/** Which pod runs here. */
export interface RunningPod {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/**
 * Binds pods again that run here and that the API has unbound. A pod is bound once and for good, so that can only be after the store lost history: the binding was in the part that is gone. Ending
 * such a pod and starting it elsewhere would be worse than going on.
 */
export class LostBindings {
  constructor(
    private readonly client: Pick<Client, 'kind' | 'bind'>,
    private readonly node: string,
    private readonly log: Logger,
  ) {}

  /**
   * Whether the pod is this node's: it is bound here, or could be bound here again. False: the API does not have it, or another node has it.
   * Throws when the API cannot be asked; safe to call again.
   */
  async isOurs({ namespace, name, uid }: RunningPod): Promise<boolean> {
    const pod = await this.client.kind(Pod).find({ namespace, name });
    if (pod === undefined || pod.metadata.uid !== uid) return false;
    const boundTo = pod.spec.nodeName ?? '';
    if (boundTo !== '') return boundTo === this.node;
    if (pod.metadata.deletionTimestamp !== undefined) return false;
    try {
      await this.client.bind({ namespace, name, uid }, this.node, { runs: true });
      this.log.warn('a pod that runs here had lost its binding; it is bound here again', { pod: `${namespace}/${name}`, uid });
      return true;
    } catch (error) {
      if (!ApiError.is(error, 'Conflict') && !ApiError.is(error, 'NotFound')) throw error;
      // Somebody was first: with this node or with another.
      this.log.info('a pod that runs here could not be bound again', { pod: `${namespace}/${name}`, uid, error: errorMessage(error) });
      return (await this.client.kind(Pod).find({ namespace, name }))?.spec.nodeName === this.node;
    }
  }
}
