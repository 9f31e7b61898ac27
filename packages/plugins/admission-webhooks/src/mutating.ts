import { type AdmissionRequest, ApiError, applyPatch, cloneJson, equalJson, errorMessage, type KubeObject } from '@orrery/core';
import { CallFailure, internal } from './calling/refusal.js';
import type { Verdict } from './calling/review.js';
import { ask, type DispatchParts, failed, type Invocation, invocationOf } from './dispatch.js';
import type { Hook } from './matching/invocation.js';
import { inVersion } from './matching/subject.js';

/** What is remembered of a request between its two rounds. */
interface Rounds {
  /** Webhooks that were asked and want to be asked again when others change the object after them. */
  asked: Set<string>;
  /** Those of them after which something was changed. */
  readonly again: Set<string>;
  /** What the last webhook left. */
  left: unknown;
}

/** Asks mutating webhooks, one after the other, each about what the one before it left. */
export class Mutating {
  readonly #rounds = new WeakMap<AdmissionRequest, Rounds>();

  constructor(private readonly parts: DispatchParts) {}

  /** Throws what the request is refused with. */
  async dispatch(hooks: readonly Hook[], request: AdmissionRequest): Promise<void> {
    const rounds = this.#rounds.get(request) ?? { asked: new Set(), again: new Set(), left: undefined };
    this.#rounds.set(request, rounds);
    // In the second round steps before this one may have changed it.
    if (request.isAgain && !equalJson(rounds.left, request.object)) changedAfter(rounds);
    for (const [index, hook] of hooks.entries()) {
      const invocation = await invocationOf(hook, request, this.parts);
      if (invocation === undefined || (request.isAgain && !rounds.again.has(hook.id))) continue;
      const changed = await this.#one(invocation, request, index);
      if (changed) {
        changedAfter(rounds);
        request.again();
      }
      if (hook.webhook.reinvocationPolicy === 'IfNeeded') rounds.asked.add(hook.id);
    }
    rounds.left = request.object === undefined ? undefined : cloneJson(request.object);
  }

  /** Whether the webhook changed the object. */
  async #one(invocation: Invocation, request: AdmissionRequest, index: number): Promise<boolean> {
    const { hook, facts: { object } } = invocation;
    const { name } = hook.webhook;
    const verdict = await ask(invocation, request, true, index, this.parts);
    let changed = false;
    if (verdict !== undefined && verdict.patch !== '') {
      try {
        const patch = operationsOf(verdict, name);
        if (patch.length > 0) changed = await applied(patch, invocation, request, object);
      } catch (error) {
        if (!(error instanceof CallFailure)) throw error;
        failed(error, hook.webhook.failurePolicy, request, { mutates: true, index, name, parts: this.parts });
      }
    }
    request.annotate(`mutation.webhook.admission.k8s.io/round_${request.isAgain ? 1 : 0}_index_${index}`, JSON.stringify({ configuration: hook.configuration, webhook: name, mutated: changed }));
    return changed;
  }
}

/** Everybody who was asked before is asked again, if he wants to be. */
function changedAfter(rounds: Rounds): void {
  for (const id of rounds.asked) rounds.again.add(id);
  rounds.asked = new Set();
}

function operationsOf({ patch, patchType }: Pick<Verdict, 'patch' | 'patchType'>, name: string): readonly unknown[] {
  if (patchType !== 'JSONPatch') throw new CallFailure(name, `unsupported patch type ${JSON.stringify(patchType.slice(0, 100))}`);
  try {
    const operations = JSON.parse(Buffer.from(patch, 'base64').toString('utf8')) as unknown;
    if (!Array.isArray(operations)) throw new SyntaxError('it is no list');
    return operations as readonly unknown[];
  } catch (error) {
    throw new CallFailure(name, `received undecodable patch in webhook response: ${errorMessage(error)}`, error);
  }
}

async function applied(patch: readonly unknown[], { hook, target }: Invocation, request: AdmissionRequest, object: KubeObject | undefined): Promise<boolean> {
  const name = JSON.stringify(hook.webhook.name);
  // An eviction is asked about, and is no object that could be changed.
  if (object === undefined || request.object === undefined) throw internal(`admission webhook ${name} attempted to modify the object, which is not supported for this operation`);
  const before = cloneJson(request.object);
  try {
    const patched = applyPatch(undefined, 'json', target === undefined ? before : await inVersion(before, target), patch) as KubeObject;
    request.replace(target === undefined ? patched : await inVersion(patched, request.kind));
  } catch (error) {
    throw internal(`admission webhook ${name} returned a patch that does not fit the object: ${errorMessage(error)}`, ApiError.is(error) ? error : undefined);
  }
  return !equalJson(before, request.object);
}
