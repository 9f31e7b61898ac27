import type { PodIdentity } from '@orrery/core';

/**
 * What of a container's engine-side record is ours, by label. The list of these labels is the runtime's whole memory: whoever reads them again knows everything.
 */
export const LABEL = {
  /** Whose it is: the runtime's `id`. */
  owner: 'orrery.dev/owner',
  /** `sandbox` or `container`. */
  kind: 'orrery.dev/kind',
  namespace: 'orrery.dev/pod-namespace',
  pod: 'orrery.dev/pod-name',
  uid: 'orrery.dev/pod-uid',
  attempt: 'orrery.dev/attempt',
  /** Containers: the name in the pod. */
  container: 'orrery.dev/container-name',
  /** Containers: the engine's id of their sandbox. */
  sandbox: 'orrery.dev/sandbox-id',
  /** Containers: the image as it was asked for. */
  image: 'orrery.dev/image',
  /** Sandboxes: which namespaces its containers get, as JSON. */
  sharing: 'orrery.dev/sharing',
  labels: 'orrery.dev/labels',
  annotations: 'orrery.dev/annotations',
} as const;

const RESERVED = 'orrery.dev/';

/** Which namespaces the containers of a sandbox get. */
export interface Sharing {
  readonly network: 'pod' | 'host';
  readonly pid: 'container' | 'pod' | 'host';
  readonly ipc: 'pod' | 'host';
}

interface Kept {
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A sandbox's identity, as labels keep it. */
export interface SandboxIdentity extends Kept {
  readonly kind: 'sandbox';
  readonly sharing: Sharing;
}

/** A container's identity, as labels keep it. */
export interface ContainerIdentity extends Kept {
  readonly kind: 'container';
  readonly name: string;
  readonly sandboxId: string;
  readonly image: string;
}

/** Whatever this runtime makes. */
export type Identity = SandboxIdentity | ContainerIdentity;

/**
 * An identity as engine labels. The pod's own labels are there twice: exactly, as JSON, and as labels of the engine, so that `docker ps --filter label=app=web`
 * works. A pod cannot write below `orrery.dev/`.
 */
export function encodeLabels(owner: string, identity: Identity): Record<string, string> {
  const visible = Object.entries(identity.labels).filter(([key]) => !key.startsWith(RESERVED));
  return {
    ...Object.fromEntries(visible),
    [LABEL.owner]: owner,
    [LABEL.kind]: identity.kind,
    [LABEL.namespace]: identity.pod.namespace,
    [LABEL.pod]: identity.pod.name,
    [LABEL.uid]: identity.pod.uid,
    [LABEL.attempt]: String(identity.attempt),
    [LABEL.labels]: JSON.stringify(identity.labels),
    [LABEL.annotations]: JSON.stringify(identity.annotations),
    ...(identity.kind === 'sandbox'
      ? { [LABEL.sharing]: JSON.stringify(identity.sharing) }
      : { [LABEL.container]: identity.name, [LABEL.sandbox]: identity.sandboxId, [LABEL.image]: identity.image }),
  };
}

/** The identity that labels keep; undefined when they are not of this owner, or not whole. */
export function decodeLabels(owner: string, labels: Readonly<Record<string, string>> | null | undefined): Identity | undefined {
  if (labels?.[LABEL.owner] !== owner) return undefined;
  const { [LABEL.namespace]: namespace, [LABEL.pod]: name, [LABEL.uid]: uid, [LABEL.attempt]: attempt } = labels;
  const own = textMap(labels[LABEL.labels]);
  const annotations = textMap(labels[LABEL.annotations]);
  if (namespace === undefined || name === undefined || uid === undefined || attempt === undefined || !/^\d{1,15}$/.test(attempt) || own === undefined || annotations === undefined) return undefined;
  const kept: Kept = { pod: { namespace, name, uid }, attempt: Number(attempt), labels: own, annotations };
  if (labels[LABEL.kind] === 'sandbox') {
    const sharing = sharingOf(labels[LABEL.sharing]);
    return sharing === undefined ? undefined : { kind: 'sandbox', ...kept, sharing };
  }
  const { [LABEL.container]: container, [LABEL.sandbox]: sandboxId, [LABEL.image]: image } = labels;
  if (labels[LABEL.kind] !== 'container' || container === undefined || sandboxId === undefined || image === undefined) return undefined;
  return { kind: 'container', ...kept, name: container, sandboxId, image };
}

function parsed(json: string | undefined): object | undefined {
  if (json === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    // Somebody else's label: not ours, then.
    return undefined;
  }
}

function textMap(json: string | undefined): Record<string, string> | undefined {
  const value = parsed(json);
  return value !== undefined && Object.values(value).every((each) => typeof each === 'string') ? (value as Record<string, string>) : undefined;
}

function sharingOf(json: string | undefined): Sharing | undefined {
  const value = parsed(json) as Partial<Record<keyof Sharing, unknown>> | undefined;
  if (value === undefined) return undefined;
  const { network, pid, ipc } = value;
  if ((network !== 'pod' && network !== 'host') || (pid !== 'container' && pid !== 'pod' && pid !== 'host') || (ipc !== 'pod' && ipc !== 'host')) return undefined;
  return { network, pid, ipc };
}
