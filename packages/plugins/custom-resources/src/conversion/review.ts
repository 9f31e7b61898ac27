import { type KubeObject, validateLabels } from '@orrery/core';

type Json = Readonly<Record<string, unknown>>;
const recordOf = (value: unknown): Json | undefined => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The versions of ConversionReview that can be spoken. */
export const REVIEW_VERSIONS = ['v1', 'v1beta1'];

/** What was asked. */
export interface ConversionRequest {
  readonly uid: string;
  readonly version: string;
  readonly desiredAPIVersion: string;
  readonly objects: readonly KubeObject[];
}

/** The question to a webhook (apiextensions ConversionReview). */
export const reviewOf = ({ uid, version, desiredAPIVersion, objects }: ConversionRequest): object => ({
  kind: 'ConversionReview',
  apiVersion: `apiextensions.k8s.io/${version}`,
  request: { uid, desiredAPIVersion, objects },
});

/** The objects that a webhook answered, checked: they are those that were asked about, in the wanted version (webhook_converter). Throws an Error in Kubernetes' words. */
export function convertedObjects(answer: unknown, asked: ConversionRequest): readonly KubeObject[] {
  const review = recordOf(answer);
  const response = recordOf(review?.['response']);
  const [apiVersion, kind] = [textOf(review?.['apiVersion']), textOf(review?.['kind'])];
  if (asked.version === 'v1' && (apiVersion !== 'apiextensions.k8s.io/v1' || kind !== 'ConversionReview')) {
    throw new Error(`failed: expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview, got ${apiVersion.slice(0, 100)}, Kind=${kind.slice(0, 100)}`);
  }
  if (response === undefined) throw new Error('failed: no response provided');
  if (asked.version === 'v1' && response['uid'] !== asked.uid) throw new Error(`failed: expected response.uid=${JSON.stringify(asked.uid)}, got ${JSON.stringify(textOf(response['uid']).slice(0, 100))}`);
  const result = recordOf(response['result']);
  if (result?.['status'] !== 'Success') {
    const message = textOf(result?.['message']).slice(0, 4_096);
    throw new Error(`failed: ${message === '' ? `response.result.status was '${textOf(result?.['status']).slice(0, 100)}', not 'Success'` : message}`);
  }
  const objects = Array.isArray(response['convertedObjects']) ? (response['convertedObjects'] as unknown[]) : [];
  if (objects.length !== asked.objects.length) throw new Error(`returned ${objects.length} objects, expected ${asked.objects.length}`);
  return objects.map((object, i) => checked(object, asked.objects[i] as KubeObject, asked.desiredAPIVersion, i));
}

function checked(value: unknown, original: KubeObject, apiVersion: string, index: number): KubeObject {
  const invalid = (why: string): Error => new Error(`returned invalid converted object at index ${index}: ${why}`);
  const object = recordOf(value);
  if (object === undefined) throw invalid('it is no object');
  if (object['apiVersion'] !== apiVersion) throw invalid(`invalid groupVersion (expected ${apiVersion}, received ${textOf(object['apiVersion']).slice(0, 100)})`);
  if (object['kind'] !== original.kind) throw invalid(`invalid kind (expected ${original.kind}, received ${textOf(object['kind']).slice(0, 100)})`);
  const metadata = recordOf(object['metadata']);
  if (metadata === undefined) throw new Error(`returned invalid metadata in object at index ${index}: missing metadata in converted object`);
  for (const [field, word] of [['name', 'name'], ['namespace', 'namespace'], ['uid', 'UID']] as const) {
    const [before, now] = [original.metadata[field] ?? '', textOf(metadata[field])];
    if (before !== now) throw invalid(`must have the same ${word}: ${before} != ${now.slice(0, 100)}`);
  }
  return { ...object, metadata: withOwn(original, metadata, index) } as unknown as KubeObject;
}

/** Of the metadata only labels and annotations may be others. */
function withOwn({ metadata: { labels: _labels, annotations: _annotations, ...kept } }: KubeObject, answered: Json, index: number): KubeObject['metadata'] {
  const invalid = (why: string): Error => new Error(`returned invalid metadata in object at index ${index}: ${why}`);
  const metadata: KubeObject['metadata'] = { ...kept };
  for (const field of ['labels', 'annotations'] as const) {
    const given = answered[field] ?? undefined;
    if (given === undefined) continue;
    const texts = recordOf(given);
    if (texts === undefined) throw invalid(`invalid metadata.${field} of type ${typeof given} in converted object`);
    for (const [key, value] of Object.entries(texts)) if (typeof value !== 'string') throw invalid(`metadata.${field}[${key.slice(0, 100)}] must be a string, but is ${typeof value} in converted object`);
    metadata[field] = texts as Record<string, string>;
  }
  const wrong = validateLabels(metadata.labels, 'metadata.labels');
  if (wrong.length > 0) throw invalid(wrong.map(({ field, message }) => `${field}: ${message}`).join(', '));
  return metadata;
}
