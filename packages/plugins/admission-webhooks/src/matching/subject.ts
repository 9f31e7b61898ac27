import { type AdmissionRequest, cloneJson, type KindDefinition, type KubeObject } from '@orrery/core';
import { GROUP } from '../kinds/configurations.js';
import type { Subject } from './rules.js';

/** A kind by name. */
export interface KindName {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/** A request as webhooks are told of it. */
export interface Facts extends Subject {
  readonly kind: KindName;
  readonly name: string;
  readonly namespace: string;
  readonly object: KubeObject | undefined;
  readonly old: KubeObject | undefined;
}

const EVICTION: KindName = { group: 'policy', version: 'v1', kind: 'Eviction' };

/** How kube-apiserver would name a request: an eviction is the creation of a subresource. */
export function factsOf({ operation, ref, kind, object, old }: AdmissionRequest): Facts {
  const { group, version, resource, namespace = '', subresource = '' } = ref;
  const name = ref.name ?? object?.metadata.name ?? '';
  const isNamespace = group === '' && resource === 'namespaces';
  const base = { group, version, resource, subresource, name, namespace: isNamespace ? (ref.name ?? '') : namespace, isNamespaced: namespace !== '' && !isNamespace };
  if (subresource === 'eviction' && operation === 'DELETE') {
    const eviction = { apiVersion: 'policy/v1', kind: EVICTION.kind, metadata: { name, namespace } };
    return { ...base, operation: 'CREATE', kind: EVICTION, object: eviction, old: undefined };
  }
  return { ...base, operation, kind: nameOf(kind), object, old };
}

/** The name of a kind. */
export const nameOf = ({ group, version, kind }: KindDefinition): KindName => ({ group, version, kind });

/** Objects that say who is asked are not asked about: else nobody could put them right. */
export const isExempt = ({ group, resource }: Pick<Subject, 'group' | 'resource'>): boolean =>
  group === GROUP && /^(?:(?:mutating|validating)webhookconfigurations|(?:mutating|validating)admissionpolic(?:ies|ybindings))$/.test(resource);

/** An object of one version of a kind as one of another. */
export async function inVersion(object: KubeObject | undefined, target: KindDefinition): Promise<KubeObject | undefined> {
  if (object === undefined || object.apiVersion === target.apiVersion) return object;
  const { read, conversion } = target.rules;
  const [converted] = conversion === undefined ? [object] : await conversion.read([object]);
  return read === undefined ? { ...cloneJson(object), apiVersion: target.apiVersion } : read(converted as KubeObject);
}
