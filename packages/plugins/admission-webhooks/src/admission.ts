import type { Admission, AdmissionRequest } from '@orrery/core';
import type { DispatchParts } from './dispatch.js';
import type { Hooks } from './hooks.js';
import { isExempt } from './matching/subject.js';
import { Mutating } from './mutating.js';
import { validateByWebhooks } from './validating.js';

/** What the step asks. */
export interface WebhookParts {
  readonly mutating: Hooks;
  readonly validating: Hooks;
  readonly dispatch: DispatchParts;
}

/** The server's own writes before anything else runs: its namespaces. */
const SERVER = 'system:apiserver';

/** The step that asks webhooks. Until it is known which ones there are, requests wait. */
export function webhookStep(parts: () => WebhookParts): Admission {
  let mutating: Mutating | undefined;
  const changers = (): Mutating => (mutating ??= new Mutating(parts().dispatch));
  /** None, when the server itself writes before they can be known. */
  const known = async (hooks: Hooks, { user, signal }: AdmissionRequest) => {
    if (!hooks.isSynced) {
      if (user.name === SERVER) return [];
      await hooks.synced(signal);
    }
    return hooks.list();
  };
  return {
    name: 'AdmissionWebhooks',
    handles: ({ ref }) => {
      if (isExempt(ref)) return false;
      const { mutating: a, validating: b } = parts();
      return !a.isSynced || !b.isSynced || a.list().length > 0 || b.list().length > 0;
    },
    mutate: async (request) => changers().dispatch(await known(parts().mutating, request), request),
    validate: async (request) => {
      // Those that change objects have not been asked about what has none.
      if (request.operation === 'DELETE') await changers().dispatch(await known(parts().mutating, request), request);
      await validateByWebhooks(await known(parts().validating, request), request, parts().dispatch);
    },
  };
}
