import type { AdmissionRequest } from '@orrery/core';
import { type Facts, type KindName } from '../matching/subject.js';

/** The versions of AdmissionReview that can be spoken. */
const VERSIONS = ['v1', 'v1beta1'];

/** The version in which a webhook is asked: the first that it knows. Throws when there is none. */
export function reviewVersion(versions: readonly string[]): string {
  const version = versions.find((one) => VERSIONS.includes(one));
  if (version === undefined) throw new Error(`webhook does not accept known AdmissionReview versions (${VERSIONS.join(', ')})`);
  return version;
}

/** What a webhook is told besides the objects; conditions see it as `request`. */
export function requestOf(facts: Facts, told: KindName, { user, dryRun, options }: AdmissionRequest, uid: string): Readonly<Record<string, unknown>> {
  const { group, version, resource, subresource, kind, name, namespace, operation } = facts;
  const { name: username, uid: userUid, groups, extra } = user;
  const part = subresource === '' ? {} : { subResource: subresource, requestSubResource: subresource };
  return {
    uid,
    kind: told,
    resource: { group, version: told === kind ? version : told.version, resource },
    requestKind: kind,
    requestResource: { group, version, resource },
    ...part,
    ...(name !== '' && { name }),
    ...(namespace !== '' && { namespace }),
    operation,
    userInfo: { username, ...(userUid !== undefined && { uid: userUid }), groups, ...(extra !== undefined && { extra }) },
    dryRun,
    options,
  };
}

/** What a webhook answered. */
export interface Verdict {
  readonly allowed: boolean;
  /** metav1.Status */
  readonly status: Readonly<Record<string, unknown>> | undefined;
  /** JSON patch, not read yet; empty: none. */
  readonly patch: string;
  readonly patchType: string;
  readonly warnings: readonly string[];
  readonly auditAnnotations: readonly (readonly [string, string])[];
}

type Json = Readonly<Record<string, unknown>>;
const recordOf = (value: unknown): Json | undefined => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const show = (text: string): string => JSON.stringify(text.slice(0, 200));

/** Warnings and annotations of one answer that are passed on, and how long they may be. */
const TOLD = { count: 100, length: 4_096 } as const;

/** The answer of a webhook, checked (webhook/request VerifyAdmissionResponse). Throws an Error in Kubernetes' words. */
export function verdictOf(answer: unknown, { uid, version, mutates }: { readonly uid: string; readonly version: string; readonly mutates: boolean }): Verdict {
  const review = recordOf(answer);
  const response = recordOf(review?.['response']);
  if (review === undefined || response === undefined) throw new Error('webhook response was absent');
  if (version === 'v1') {
    if (response['uid'] !== uid) throw new Error(`expected response.uid=${show(uid)}, got ${show(textOf(response['uid']))}`);
    const [apiVersion, kind] = [textOf(review['apiVersion']), textOf(review['kind'])];
    if (apiVersion !== 'admission.k8s.io/v1' || kind !== 'AdmissionReview') {
      throw new Error(`expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${apiVersion.slice(0, 100)}, Kind=${kind.slice(0, 100)}`);
    }
  }
  const { patch, patchType } = patchOf(response, version, mutates);
  return {
    allowed: response['allowed'] === true,
    status: recordOf(response['status']),
    patch,
    patchType,
    warnings: (Array.isArray(response['warnings']) ? response['warnings'] : []).slice(0, TOLD.count).filter((text): text is string => typeof text === 'string').map((text) => text.slice(0, TOLD.length)),
    auditAnnotations: Object.entries(recordOf(response['auditAnnotations']) ?? {}).slice(0, TOLD.count).flatMap(([key, value]) => (typeof value === 'string' ? [[key.slice(0, 200), value.slice(0, TOLD.length)] as const] : [])),
  };
}

function patchOf(response: Json, version: string, mutates: boolean): { readonly patch: string; readonly patchType: string } {
  const patch = textOf(response['patch']);
  const type = response['patchType'] ?? undefined;
  if (!mutates) {
    if (version === 'v1' && patch !== '') throw new Error('validating webhook may not return response.patch');
    if (version === 'v1' && type !== undefined) throw new Error('validating webhook may not return response.patchType');
    return { patch: '', patchType: '' };
  }
  if (version === 'v1') {
    if (patch !== '' && type === undefined) throw new Error('webhook returned response.patch but not response.patchType');
    if (patch === '' && type !== undefined) throw new Error('webhook returned response.patchType but not response.patch');
    if (type === '') throw new Error('webhook returned invalid response.patchType of ""');
  }
  return { patch, patchType: patch === '' ? '' : type === undefined ? 'JSONPatch' : textOf(type) };
}
