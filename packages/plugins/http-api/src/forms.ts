import type { IncludeObject, KindDefinition, KubeList, KubeObject, TableKind } from '@orrery/core';
import { tableOf } from '@orrery/core';
import type { Form } from './accept.js';

const META = 'meta.k8s.io/v1';

/** How objects are answered. */
export interface Shape {
  readonly as: Form;
  readonly include: IncludeObject;
  /** Milliseconds since the epoch, for ages. */
  readonly now: number;
}

const partial = ({ metadata }: KubeObject): object => ({ kind: 'PartialObjectMetadata', apiVersion: META, metadata });

/** Scales are read and written through other kinds. */
const isScale = ({ apiVersion, kind }: KubeObject): boolean => apiVersion === 'autoscaling/v1' && kind === 'Scale';
const SCALE: TableKind = {
  columns: [
    { name: 'Desired', type: 'integer', description: 'Number of desired pods.', jsonPath: '.spec.replicas' },
    { name: 'Available', type: 'integer', description: 'Number of available pods.', jsonPath: '.status.replicas' },
  ],
};

/** An object in the form that was asked for. */
export function objectAs(kind: KindDefinition, object: KubeObject, { as, include, now }: Shape): object {
  switch (as) {
    case 'object':
      return object;
    case 'Table':
      return tableOf(isScale(object) ? SCALE : kind, object, { now, include });
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return partial(object);
  }
}

/** A bookmark in the form that was asked for. A table of it has one row without content, which carries the annotations. */
export function bookmarkAs(kind: KindDefinition, metadata: KubeObject['metadata'], { as, include, now }: Shape): object {
  const object = { kind: kind.kind, apiVersion: kind.apiVersion, metadata };
  if (as === 'object') return object;
  if (as !== 'Table') return partial(object);
  const none = { apiVersion: kind.apiVersion, kind: kind.listKind, metadata: { resourceVersion: metadata.resourceVersion ?? '' }, items: [] };
  const table = tableOf(kind, none, { now, include });
  return { ...table, rows: [{ cells: table.columnDefinitions.map(() => ''), object: include === 'Object' ? object : partial(object) }] };
}

/** A list in some form: what is said of it as a whole, and its long part. */
export interface FormedList {
  readonly rest: object;
  readonly key: 'items' | 'rows';
  readonly list: readonly object[];
}

/** A list in the form that was asked for; the items of one as it is carry no kind, as in Kubernetes. */
export function listAs(kind: KindDefinition, given: KubeList, { as, include, now }: Shape): FormedList {
  const { items, ...rest } = given;
  switch (as) {
    case 'object':
      return { rest, key: 'items', list: items.map(({ apiVersion: _version, kind: _kind, ...item }) => item) };
    case 'Table': {
      const { rows, ...table } = tableOf(kind, given, { now, include });
      return { rest: table, key: 'rows', list: rows };
    }
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return { rest: { kind: 'PartialObjectMetadataList', apiVersion: META, metadata: given.metadata }, key: 'items', list: items.map(partial) };
  }
}
