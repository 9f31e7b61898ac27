// The paths of a node's server, as the kubelet has them (pkg/kubelet/server). Pure.

/** What a path of a node's server asks for. */
export type NodePath =
  | { readonly type: 'healthz' | 'summary' }
  | { readonly type: 'containerLogs'; readonly namespace: string; readonly name: string; readonly container: string }
  | { readonly type: 'exec' | 'attach'; readonly namespace: string; readonly name: string; readonly uid: string; readonly container: string }
  | { readonly type: 'portForward'; readonly namespace: string; readonly name: string; readonly uid: string };

/** Namespaces, pods and containers have such names; a uid is one of a kind too. */
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?$/;

/** Reads the path of a request; undefined: nothing is served there. Names are never unescaped: those of Kubernetes need no escapes. */
export function nodePathOf(path: string): NodePath | undefined {
  if (path === '/healthz') return { type: 'healthz' };
  if (path === '/stats/summary' || path === '/stats/summary/') return { type: 'summary' };
  const [empty, what, ...names] = path.split('/');
  if (empty !== '' || names.length > 4 || !names.every((name) => NAME.test(name))) return undefined;
  const [namespace = '', name = '', third = '', fourth] = names;
  switch (what) {
    case 'containerLogs':
      return names.length === 3 ? { type: what, namespace, name, container: third } : undefined;
    case 'exec':
    case 'attach':
      if (names.length < 3) return undefined;
      return fourth === undefined ? { type: what, namespace, name, uid: '', container: third } : { type: what, namespace, name, uid: third, container: fourth };
    case 'portForward':
      return names.length === 2 || names.length === 3 ? { type: what, namespace, name, uid: third } : undefined;
    default:
      return undefined;
  }
}
