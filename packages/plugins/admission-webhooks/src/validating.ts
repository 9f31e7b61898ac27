import type { AdmissionRequest } from '@orrery/core';
import { ask, type DispatchParts, type Invocation, invocationOf } from './dispatch.js';
import type { Hook } from './matching/invocation.js';

/** Asks validating webhooks, all at the same time. Throws what the request is refused with: of several refusals the first by order. */
export async function validateByWebhooks(hooks: readonly Hook[], request: AdmissionRequest, parts: DispatchParts): Promise<void> {
  const invocations: { readonly invocation: Invocation; readonly index: number }[] = [];
  for (const [index, hook] of hooks.entries()) {
    const invocation = await invocationOf(hook, request, parts);
    if (invocation !== undefined) invocations.push({ invocation, index });
  }
  const outcomes = await Promise.allSettled(invocations.map(({ invocation, index }) => ask(invocation, request, false, index, parts)));
  const refused = outcomes.find((outcome) => outcome.status === 'rejected');
  if (refused !== undefined) throw refused.reason;
}
