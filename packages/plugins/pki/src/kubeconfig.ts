/** Who uses a kubeconfig: by a certificate, or by a token. */
export type KubeconfigUser = { readonly key: string; readonly cert: string } | { readonly token: string };

/** What a kubeconfig says. */
export interface KubeconfigOptions {
  /** URL of the API. */
  readonly server: string;
  /** Certificate (PEM) of the authority that the server is to be trusted by. */
  readonly authority: string;
  readonly user: KubeconfigUser;
  /** Name of cluster, user and context; default `orrery`. */
  readonly name?: string;
}

/** A kubeconfig (kind Config, v1) with one cluster, one user and one context, which is the current one; as JSON, which is YAML too. It holds secrets: write it with mode 0600. */
export function kubeconfigOf({ server, authority, user, name = 'orrery' }: KubeconfigOptions): string {
  const credentials = 'token' in user ? { token: user.token } : { 'client-certificate-data': base64(user.cert), 'client-key-data': base64(user.key) };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(authority) } }],
    users: [{ name, user: credentials }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
