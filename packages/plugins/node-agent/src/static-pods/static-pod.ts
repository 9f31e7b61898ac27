import { createHash } from 'node:crypto';
import { ApiError, canonicalJson, decodeObject, type Node, Pod, readManifests, timeOfMillis, validateObjectMeta } from '@orrery/core';
import { STATIC_POD_ANNOTATIONS } from '../pod/critical.js';
import { referencesOf } from '../references/references.js';

/** Where a manifest came from, and when. */
export interface ManifestOrigin {
  readonly file: string;
  readonly node: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/**
 * The pod that a manifest describes, made fit to run on one node (kubelet config applyDefaults): its name ends in the node's, its uid is a hash of content, file and node, so that
 * another content is another pod. Throws ApiError that says what is wrong: other things than one pod, fields that do not exist, values that do not pass validation, and
 * whatever has to be asked of the API.
 */
export async function staticPodOf(text: string, { file, node, now }: ManifestOrigin): Promise<Pod> {
  const manifests = await readManifests(text);
  const manifest = manifests[0];
  if (manifest === undefined || manifests.length > 1) throw ApiError.badRequest(`a file holds one pod, not ${manifests.length} objects`);
  const { apiVersion, kind } = manifest.value;
  if (apiVersion !== 'v1' || kind !== 'Pod') throw ApiError.badRequest(`a static pod is a v1 Pod, not ${JSON.stringify(`${String(apiVersion)} ${String(kind)}`.slice(0, 100))}`);
  const { object, unknown } = decodeObject(Pod, manifest.value);
  if (unknown.length > 0) throw ApiError.badRequest(`unknown field ${JSON.stringify(unknown[0])}`);
  const uid = createHash('sha256').update(canonicalJson({ ...object, status: {} })).update(`host:${node}file:${file}`).digest('hex').slice(0, 32);
  const { namespace = 'default', name = '', labels, annotations } = object.metadata;
  const { source, hash, seen, mirror } = STATIC_POD_ANNOTATIONS;
  const { [mirror]: _mirror, ...others } = annotations ?? {};
  const pod: Pod = {
    ...object,
    metadata: {
      namespace,
      name: `${name}-${node.toLowerCase()}`,
      uid,
      ...(labels !== undefined && { labels }),
      annotations: { ...others, [source]: 'file', [hash]: uid, [seen]: timeOfMillis(now) },
      creationTimestamp: timeOfMillis(now),
      resourceVersion: '1',
      generation: 1,
    },
    // The pod belongs to its node, whatever becomes of that.
    spec: { ...object.spec, nodeName: node, tolerations: [...(object.spec.tolerations ?? []).filter((one) => !isEverything(one)), { operator: 'Exists', effect: 'NoExecute' }] },
    status: { phase: 'Pending' },
  };
  Pod.rules.applyDefaults?.(pod);
  check(pod, name);
  return pod;
}

const isEverything = ({ key = '', operator, effect }: { readonly key?: string | undefined; readonly operator?: string | undefined; readonly effect?: string | undefined }): boolean =>
  key === '' && operator === 'Exists' && effect === 'NoExecute';

function check(pod: Pod, name: string): void {
  if (name === '') throw ApiError.badRequest('metadata.name: Required value');
  const { validateName } = Pod.rules;
  const problem = [...validateObjectMeta(pod.metadata, { namespaced: true, ...(validateName && { validateName }) }), ...(Pod.rules.validate?.(pod) ?? []), ...(Pod.rules.validateCreate?.(pod) ?? [])][0];
  if (problem !== undefined) throw ApiError.invalid(Pod, pod.metadata.name ?? '', [problem]);
  const { serviceAccountName = '', volumes = [] } = pod.spec;
  const needed = referencesOf(pod)[0];
  if (needed !== undefined) throw ApiError.badRequest(`a static pod cannot refer to ${needed.kind} ${JSON.stringify(needed.name)}: it must run without the API`);
  if (serviceAccountName !== '') throw ApiError.badRequest('a static pod cannot have a service account: it must run without the API');
  const claim = volumes.find(({ persistentVolumeClaim, ephemeral }) => (persistentVolumeClaim ?? ephemeral) !== undefined);
  if (claim !== undefined) throw ApiError.badRequest(`volume ${JSON.stringify(claim.name)}: a static pod cannot refer to claims: it must run without the API`);
}

/** What the API shows of a static pod (kubelet mirror client). Pure. */
export function mirrorOf(pod: Pod, node: Node): Pod {
  const { namespace, name, labels, annotations } = pod.metadata;
  const { hash, mirror } = STATIC_POD_ANNOTATIONS;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...(namespace !== undefined && { namespace }),
      ...(name !== undefined && { name }),
      ...(labels !== undefined && { labels }),
      annotations: { ...annotations, [mirror]: annotations?.[hash] ?? '' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: node.metadata.name ?? '', uid: node.metadata.uid ?? '', controller: true }],
    },
    spec: pod.spec,
  };
}

/** What has to be done so that the API shows a static pod as it is. */
export type MirrorStep = 'create' | 'delete' | 'status' | 'nothing' | 'foreign';

/** The next step; a mirror of another content, or one that somebody is deleting, goes first and is made anew. Pure. */
export function planMirror(wanted: Pod | undefined, found: Pod | undefined, sameStatus: (a: Pod['status'], b: Pod['status']) => boolean): MirrorStep {
  if (found === undefined) return wanted === undefined ? 'nothing' : 'create';
  const hash = found.metadata.annotations?.[STATIC_POD_ANNOTATIONS.mirror];
  // A pod that is nobody's image has the name already: it is not ours to remove.
  if (hash === undefined) return wanted === undefined ? 'nothing' : 'foreign';
  if (wanted === undefined || hash !== wanted.metadata.annotations?.[STATIC_POD_ANNOTATIONS.hash] || found.metadata.deletionTimestamp !== undefined) return 'delete';
  return sameStatus(wanted.status, found.status) ? 'nothing' : 'status';
}
