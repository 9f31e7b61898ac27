import type { Service } from '@orrery/core';

// What a Service needs of the network, by its type. Pure.

/** Has an address of its own (or wants one): neither headless nor an external name. */
export function takesAddress({ spec }: Service): boolean {
  return spec.type !== 'ExternalName' && spec.clusterIP !== 'None' && spec.clusterIPs?.[0] !== 'None';
}

/** May hold node ports. */
export function takesNodePorts({ spec }: Service): boolean {
  return spec.type === 'NodePort' || spec.type === 'LoadBalancer';
}

/** Has a node port where its health is asked. */
export function takesHealthPort({ spec }: Service): boolean {
  return spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';
}

/** The node ports in the spec. */
export function nodePortsOf({ spec }: Service): readonly number[] {
  return (spec.ports ?? []).flatMap(({ nodePort = 0 }) => (nodePort === 0 ? [] : [nodePort]));
}

/** Where one service port's node port comes from: a given number, any free one, or the same as another port of the service. */
export type NodePortChoice = { readonly kind: 'this'; readonly number: number } | { readonly kind: 'any' } | { readonly kind: 'same'; readonly as: number };

/** One node port to take. */
export interface NodePortPlan {
  /** Which of `spec.ports`. */
  readonly index: number;
  readonly port: NodePortChoice;
}

/**
 * Which node ports have to be taken: those asked for that the Service does not hold yet, and any free one where the type wants one and none is given.
 * Ports with one number and several protocols share a node port (initNodePorts).
 */
export function planNodePorts(draft: Service, old: Service | undefined): NodePortPlan[] {
  if (!takesNodePorts(draft)) return [];
  const { spec } = draft;
  const ports = spec.ports ?? [];
  const automatic = spec.type === 'NodePort' || spec.allocateLoadBalancerNodePorts !== false;
  const settled = new Set(old !== undefined && takesNodePorts(old) ? nodePortsOf(old) : []);
  const plans: NodePortPlan[] = [];
  ports.forEach(({ nodePort = 0 }, index) => {
    if (nodePort === 0 || settled.has(nodePort)) return;
    settled.add(nodePort);
    plans.push({ index, port: { kind: 'this', number: nodePort } });
  });
  const shared = new Map<number, number>();
  ports.forEach(({ port, nodePort = 0 }, index) => nodePort !== 0 && !shared.has(port) && shared.set(port, index));
  ports.forEach(({ port, nodePort = 0 }, index) => {
    if (nodePort !== 0 || !automatic) return;
    const sibling = shared.get(port);
    if (sibling !== undefined) return void plans.push({ index, port: { kind: 'same', as: sibling } });
    shared.set(port, index);
    plans.push({ index, port: { kind: 'any' } });
  });
  return plans;
}
