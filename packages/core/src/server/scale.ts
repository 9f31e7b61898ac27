import type { PatchType, RequestContext, ResourceRef } from '../contracts/transport.js';
import { ApiError } from '../model/api-error.js';
import { fieldError } from '../model/field-error.js';
import { cloneJson, readPath } from '../model/json.js';
import type { ScalePaths } from '../model/kind.js';
import type { KubeObject } from '../model/object.js';
import { labelMatcher } from '../model/label-selector.js';
import type { LabelSelector } from '../model/kinds/selectors.js';
import { applyPatch } from '../model/patch/index.js';
import { type Resource, readCurrent } from './resource.js';
import { change } from './update.js';

/** A scale subresource (autoscaling/v1 Scale). */
export interface Scale extends KubeObject {
  readonly spec: { readonly replicas: number };
  readonly status: { readonly replicas: number; readonly selector?: string };
}

type ScaleRequest = RequestContext & { readonly ref: ResourceRef };

/** The scale of an object. Throws NotFound for kinds without one. */
export async function getScale(resource: Resource, request: ScaleRequest): Promise<Scale> {
  const current = await readCurrent(resource, request.ref.namespace, request.ref.name ?? '');
  if (current === undefined) throw ApiError.notFound(resource.kind, request.ref.name ?? '');
  return scaleOf(pathsOf(resource), current.object);
}

/** Sets the number of replicas. With a resourceVersion in the body only for that version. */
export async function updateScale(resource: Resource, request: ScaleRequest & { readonly body: unknown }): Promise<Scale> {
  return changeScale(resource, request, () => request.body);
}

/** Patches the scale. */
export async function patchScale(resource: Resource, request: ScaleRequest & { readonly type: PatchType; readonly body: unknown }): Promise<Scale> {
  return changeScale(resource, request, (scale) => applyPatch(undefined, request.type === 'json' ? 'json' : 'merge', scale, request.body));
}

async function changeScale(resource: Resource, request: ScaleRequest, compute: (scale: Scale) => unknown): Promise<Scale> {
  const paths = pathsOf(resource);
  const { subresource: _scale, ...ref } = request.ref;
  const changed = await change(resource, { ...request, ref, through: 'scale' }, (current) => {
    const wanted = compute(scaleOf(paths, current));
    const draft = cloneJson(current);
    writePath(draft, paths.specReplicas, replicasOf(wanted, ref.name ?? ''));
    const version = readPath(wanted, '.metadata.resourceVersion');
    draft.metadata.resourceVersion = typeof version === 'string' ? version : undefined;
    return draft;
  });
  return scaleOf(paths, changed);
}

function pathsOf(resource: Resource): ScalePaths {
  const { scale } = resource.kind;
  if (scale === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource');
  return scale;
}

function replicasOf(scale: unknown, name: string): number {
  const replicas = readPath(scale, '.spec.replicas') ?? 0;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) throw ApiError.badRequest('spec.replicas of a Scale must be a whole number');
  if (replicas < 0) {
    throw ApiError.invalid({ group: 'autoscaling', kind: 'Scale' }, name, [fieldError.invalid('spec.replicas', replicas, 'must be greater than or equal to 0')]);
  }
  return replicas;
}

function scaleOf(paths: ScalePaths, object: KubeObject): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.labelSelector === undefined ? undefined : readPath(object, paths.labelSelector);
  const text = typeof selector === 'string' || selector === undefined ? selector : labelMatcher(selector as LabelSelector).toString();
  return Object.freeze({
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(readPath(object, paths.specReplicas) ?? 0) },
    status: { replicas: Number(readPath(object, paths.statusReplicas) ?? 0), ...(text !== undefined && { selector: text }) },
  });
}

function writePath(object: unknown, path: string, value: unknown): void {
  const parts = path.replace(/^\./, '').split('.');
  let at = object as Record<string, unknown>;
  for (const part of parts.slice(0, -1)) at = (at[part] ??= {}) as Record<string, unknown>;
  at[parts.at(-1) as string] = value;
}
