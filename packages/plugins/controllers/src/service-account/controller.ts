import { ApiError, ConfigMap, type Controller, type KindDefinition, type KubeObject, Namespace, type ObjectKey, type ReconcileContext, ServiceAccount, watching } from '@orrery/core';

/** The account of pods that name none. */
export const DEFAULT_ACCOUNT = 'default';
/** Where pods find the certificates by which they know the API server (RootCAConfigMapName). */
export const ROOT_CA_MAP = 'kube-root-ca.crt';

/** Options of the controller of default objects. */
export interface NamespaceDefaultsOptions {
  /** PEM certificates that pods are to trust the API server by; without them no ConfigMap is made. */
  readonly rootCa?: string | undefined;
}

/**
 * Gives every namespace what pods in it count on: the service account `default`, and the ConfigMap with the certificates of the API server; makes them again when they are deleted,
 * and corrects a changed ConfigMap (serviceaccount and root-ca-cert-publisher controllers).
 */
export function namespaceDefaultsController({ rootCa }: NamespaceDefaultsOptions = {}): Controller {
  return {
    name: 'namespace-defaults',
    workers: 5,
    start: (setup) => {
      const namespaces = setup.informer(Namespace).lister;
      const accounts = setup.informer(ServiceAccount).lister;
      const maps = rootCa === undefined ? undefined : setup.informer(ConfigMap).lister;
      const isOurs = (name: string | undefined): boolean => name === DEFAULT_ACCOUNT || (rootCa !== undefined && name === ROOT_CA_MAP);
      const missed = ({ metadata }: KubeObject, _old: unknown, deleted: boolean): readonly ObjectKey[] => (deleted && isOurs(metadata.name) ? [metadata.namespace ?? ''] : []);
      return {
        watches: [
          watching({ kind: Namespace, keys: ({ metadata }, _old, deleted) => (deleted ? [] : [metadata.name ?? '']) }),
          watching({ kind: ServiceAccount, keys: missed }),
          ...(maps === undefined ? [] : [watching<ConfigMap>({ kind: ConfigMap, keys: ({ metadata }) => (isOurs(metadata.name) ? [metadata.namespace ?? ''] : []) })]),
        ],
        reconcile: async (namespace, context) => {
          const object = namespaces.get(namespace);
          if (object === undefined || object.metadata.deletionTimestamp !== undefined) return;
          if (accounts.get(`${namespace}/${DEFAULT_ACCOUNT}`) === undefined) {
            await ensure(context, ServiceAccount, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: DEFAULT_ACCOUNT, namespace } });
          }
          if (maps === undefined || rootCa === undefined) return;
          const map = maps.get(`${namespace}/${ROOT_CA_MAP}`);
          const data = { 'ca.crt': rootCa };
          if (map === undefined) await ensure(context, ConfigMap, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: ROOT_CA_MAP, namespace }, data });
          else if (map.data?.['ca.crt'] !== rootCa) await context.client.kind(ConfigMap).update({ ...map, data });
        },
      };
    },
  };
}

/** Somebody else may have made it, and the namespace may be going: both are fine. */
async function ensure<T extends KubeObject>({ client }: ReconcileContext, kind: KindDefinition<T>, object: T): Promise<void> {
  try {
    await client.kind(kind).create(object);
  } catch (error) {
    const isEnding = ApiError.is(error, 'NotFound') || (ApiError.is(error) && error.details.causes?.some(({ reason }) => reason === 'NamespaceTerminating') === true);
    if (!ApiError.is(error, 'AlreadyExists') && !isEnding) throw error;
  }
}
