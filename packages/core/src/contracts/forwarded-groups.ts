import { list } from '../kernel/tokens.js';

/** A version of a group whose objects another API server has. */
export interface ForwardedGroup {
  readonly group: string;
  readonly version: string;
  /** Where the group stands among groups in discovery, and the version among its own: higher first. */
  readonly groupPriority: number;
  readonly versionPriority: number;
}

/** Where requests for a forwarded group go, over HTTPS. */
export interface ForwardTarget {
  readonly host: string;
  readonly port: number;
  /** The name that the server's certificate must have. */
  readonly serverName: string;
  /** Authorities that the server is trusted by, PEM; absent: those of the platform. */
  readonly ca?: string;
  /** The server is not checked at all. */
  readonly insecure?: boolean;
  /** By which the server knows that who a request is made for was told by the front door (PEM). */
  readonly identity?: { readonly key: string; readonly cert: string };
}

/** API servers behind the front door (what kube-aggregator does): it authenticates and authorizes, and passes on what is theirs with the user in headers (`X-Remote-User` …). */
export interface ForwardedGroups {
  /** All that there are, also those that cannot be asked now. The same list until something changes. */
  list(): readonly ForwardedGroup[];
  /** Where to go with a request for one, or for one that cannot be asked now; undefined when it is not forwarded. Throws ServiceUnavailable, in kube-apiserver's words, when nobody is there to answer. */
  target(group: string, version: string): ForwardTarget | undefined;
  /** What a server says that it serves of one of {@link list}, in the form of aggregated discovery (apidiscovery.k8s.io/v2 `resources`). Rejects when it does not say. */
  resources(group: string, version: string): Promise<readonly object[]>;
}

/** What forwards requests: the first that knows a group is taken. */
export const ForwardedGroups = list<ForwardedGroups>('ForwardedGroups');
