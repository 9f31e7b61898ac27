import { OrreryError } from '@orrery/core';
import type { ContainerCreateOptions } from 'dockerode';
import type { CreatePlan } from '../create/sandbox.js';
import type { Engine } from '../engine/engine.js';

/** The name may be that of something which is just being removed. */
const TRIES = 20;
const AGAIN_MS = 100;

/**
 * Sends a create call so that it makes one container at most: the name is always the same, so when a reply was lost the next try is refused (409),
 * and what is there is found by its labels with `existing`. Resolves with the id, and whether this very call made it.
 */
export async function createOnce(engine: Engine, { name, body }: CreatePlan, signal: AbortSignal, existing: () => Promise<string | undefined>): Promise<{ readonly id: string; readonly isNew: boolean }> {
  for (let time = 1; ; time++) {
    try {
      const created = await engine.call(
        `create ${name}`,
        signal,
        // The driver would put the body into the address as well; told apart, each goes where it belongs.
        (docker, abortSignal) => docker.createContainer({ _query: { name }, _body: body, abortSignal } as unknown as ContainerCreateOptions),
        { idempotent: true },
      );
      return { id: created.id, isNew: true };
    } catch (error) {
      if (!OrreryError.is(error, 'CONFLICT')) throw error;
      const id = await existing();
      if (id !== undefined) return { id, isNew: false };
      // The name is taken by something that is not (or no longer) ours.
      if (time >= TRIES) throw error;
      await engine.clock.sleep(AGAIN_MS, signal);
    }
  }
}
