import { ApiError, type Client, ConfigMap, equalJson, Namespace, Role } from '@orrery/core';

/** Where servers behind the front door look for whom to trust. */
const AT = { namespace: 'kube-system', name: 'extension-apiserver-authentication' } as const;

/** Whom servers behind the front door trust, PEM. */
export interface PublishedTrust {
  /** Signs the front door's own certificate. */
  readonly ca: string;
  /** Signs certificates of users. */
  readonly clientCa?: string | undefined;
}

/** The name that the front door's certificate must have. */
export const FRONT_PROXY_NAME = 'front-proxy-client';

/** The role of who may read that: manifests of API servers bind their accounts to it (a default role of kube-apiserver). */
const READER = 'extension-apiserver-authentication-reader';

/** Writes the ConfigMap by which servers behind the front door know it (the `requestheader` keys), where it is not so already, and the role by which they may read it, where there is none. */
export async function publishFrontProxy(client: Client, trust: PublishedTrust): Promise<void> {
  await publishTrust(client, trust);
  if ((await client.kind(Role).find({ ...AT, name: READER })) !== undefined) return;
  const metadata = { ...AT, name: READER, labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults' }, annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' } };
  const rules = [{ verbs: ['get', 'list', 'watch'], apiGroups: [''], resources: ['configmaps'], resourceNames: [AT.name] }];
  await client.kind(Role).create({ apiVersion: Role.apiVersion, kind: Role.kind, metadata, rules }).catch(unlessThere);
}

async function publishTrust(client: Client, { ca, clientCa }: PublishedTrust): Promise<void> {
  const data = {
    ...(clientCa !== undefined && { 'client-ca-file': clientCa }),
    'requestheader-client-ca-file': ca,
    'requestheader-allowed-names': JSON.stringify([FRONT_PROXY_NAME]),
    'requestheader-username-headers': '["X-Remote-User"]',
    'requestheader-uid-headers': '["X-Remote-Uid"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  };
  const there = await client.kind(ConfigMap).find(AT);
  if (there !== undefined && equalJson(there.data, data)) return;
  if ((await client.kind(Namespace).find({ name: AT.namespace })) === undefined) {
    await client.kind(Namespace).create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: AT.namespace }, spec: {} }).catch(unlessThere);
  }
  await client.kind(ConfigMap).apply({ metadata: AT, data }, { fieldManager: 'aggregation', force: true });
}

/** Another server of the same cluster may have been quicker. */
function unlessThere(error: unknown): void {
  if (!ApiError.is(error, 'AlreadyExists')) throw error;
}
