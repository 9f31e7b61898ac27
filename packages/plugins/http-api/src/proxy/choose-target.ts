import { ApiError, type EndpointSlice, type Pod, type Random, type Service } from '@orrery/core';

// Which pod and port is meant by a request that is to be passed on. Pure, but for chance.

/** A port of a pod. */
export interface PodPort {
  readonly namespace: string;
  readonly name: string;
  /** Empty: whichever pod has the name. */
  readonly uid: string;
  readonly port: number;
}

/** The port of a pod: the one that is named, else the first that its containers name, else 80. Throws BadRequest for one that is no number. */
export function portOfPod({ metadata: { namespace = '', name = '', uid = '' }, spec }: Pod, wanted: string): PodPort {
  const first = spec.containers.flatMap(({ ports = [] }) => ports)[0]?.containerPort;
  const port = wanted === '' ? (first ?? 80) : /^\d+$/.test(wanted) ? Number(wanted) : 0;
  if (port < 1 || port > 65_535) throw ApiError.badRequest(`invalid pod request ${JSON.stringify(`${name}:${wanted}`)}`);
  return { namespace, name, uid, port };
}

/**
 * A port of one of the pods that a service stands for now, by chance. Throws ServiceUnavailable when there is none, in kube-apiserver's words.
 * Only pods count, and only those of the namespace of the service: an address that somebody wrote into an EndpointSlice is never connected to.
 */
export function portOfService({ metadata: { name = '', namespace = '' }, spec }: Service, slices: readonly EndpointSlice[], wanted: string, random: Random): PodPort {
  const ports = spec.ports ?? [];
  const named = /^\d+$/.test(wanted) ? ports.find(({ port }) => port === Number(wanted)) : undefined;
  if (/^\d+$/.test(wanted) && named === undefined) throw new ApiError('ServiceUnavailable', `no service port ${wanted} found for service ${JSON.stringify(name)}`);
  const portName = named === undefined ? wanted : (named.name ?? '');
  const found = slices.flatMap((slice) => {
    const port = slice.ports?.find((one) => (one.name ?? '') === portName && (one.protocol ?? 'TCP') === 'TCP')?.port;
    if (port === undefined) return [];
    return (slice.endpoints ?? []).flatMap(({ targetRef, conditions }) => {
      const isPod = targetRef?.kind === 'Pod' && targetRef.namespace === namespace && (targetRef.name ?? '') !== '';
      return isPod && conditions?.ready !== false ? [{ namespace, name: targetRef.name ?? '', uid: targetRef.uid ?? '', port }] : [];
    });
  });
  const chosen = found.length === 0 ? undefined : found[random.int(found.length)];
  if (chosen === undefined) throw new ApiError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(name)}`);
  return chosen;
}
