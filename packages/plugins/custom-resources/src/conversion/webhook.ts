import { ApiError, errorMessage, forbiddenKey, type KubeObject, type Random } from '@orrery/core';
import type { WebhookClient } from '@orrery/webhook-client';
import type { CustomResourceDefinition } from '../definition/form.js';
import { convertedObjects, REVIEW_VERSIONS, reviewOf } from './review.js';

/** Makes objects of any version of a definition those of another. */
export type Convert = (objects: readonly KubeObject[], apiVersion: string) => Promise<readonly KubeObject[]>;

/** What asking needs. */
export interface ConversionParts {
  readonly client: Pick<WebhookClient, 'ask'>;
  readonly random: Random;
}

/** Objects of one question, and the bytes of its answer at most. */
const AT_ONCE = 100;
const MAX_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 30_000;

/** Asks the webhook of a definition; undefined: it has none, and its versions differ by their names. Objects that are in the version already are not asked about. */
export function webhookConversion({ spec: { conversion } }: CustomResourceDefinition, { client, random }: ConversionParts): Convert | undefined {
  const { strategy, webhook } = conversion ?? {};
  if (strategy !== 'Webhook' || webhook?.clientConfig === undefined) return undefined;
  const { clientConfig, conversionReviewVersions = [] } = webhook;
  const ask = async (objects: readonly KubeObject[], desiredAPIVersion: string): Promise<readonly KubeObject[]> => {
    const version = conversionReviewVersions.find((one) => REVIEW_VERSIONS.includes(one));
    try {
      if (version === undefined) throw new Error('failed: no supported conversion review versions');
      const asked = { uid: random.uuid(), version, desiredAPIVersion, objects };
      const answer = await client.ask(clientConfig, reviewOf(asked), { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES }).catch((error: unknown) => {
        throw new Error(`failed: ${errorMessage(error)}`, { cause: error });
      });
      const converted = convertedObjects(answer, asked);
      const forbidden = forbiddenKey(converted);
      if (forbidden !== undefined) throw new Error(`returned an object with a forbidden key: ${forbidden.slice(0, 100)}`);
      return converted;
    } catch (error) {
      const [first] = objects;
      throw new ApiError('', `conversion webhook for ${first?.apiVersion}, Kind=${first?.kind} ${errorMessage(error)}`, {}, error);
    }
  };
  return async (objects, apiVersion) => {
    const others = objects.filter((object) => object.apiVersion !== apiVersion);
    const answered = new Map<KubeObject, KubeObject>();
    for (let i = 0; i < others.length; i += AT_ONCE) {
      const some = others.slice(i, i + AT_ONCE);
      const converted = await ask(some, apiVersion);
      some.forEach((object, at) => answered.set(object, converted[at] as KubeObject));
    }
    return objects.map((object) => answered.get(object) ?? object);
  };
}
