import type { CertificateSource, UserInfo } from '@orrery/core';
import type { TokenSource } from './tokens.js';

/** Where a server is, how it is trusted, and who asks. */
export interface Connection {
  /** `https://HOST[:PORT][/path]`; `http://` only without credentials (as `kubectl proxy` serves it). */
  readonly server: string;
  readonly tls: ConnectionTls;
  readonly token?: TokenSource;
  /** Who is to be asked for in place of the owner of the credentials. */
  readonly impersonate?: UserInfo;
  /** The namespace of the context, for programs that want a default. */
  readonly namespace?: string;
}

/** How the server is trusted, and the client's own certificate; all as PEM. */
export interface ConnectionTls {
  /** Default: the authorities that Node trusts. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The client's own certificate where it is exchanged while it is used, instead of `cert` and `key`: connections that are made later show the newer one. */
  readonly certificate?: CertificateSource;
  /** The name that the server's certificate must have; default: the host of the URL. */
  readonly serverName?: string;
  /** Anybody may answer in the server's place. Only where a kubeconfig says so. */
  readonly insecure?: boolean;
}
