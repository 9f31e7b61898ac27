import type { z } from 'zod';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { described, int32, intOrString, list, pointer, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { networkPolicyColumns } from '../table/networking-columns.js';
import { validateNetworkPolicy } from '../validation/network-policy.js';
import { labelSelector } from './selectors.js';

const networkPolicyPortSchema = struct({
  protocol: pointer(text),
  port: pointer(intOrString),
  endPort: pointer(int32),
});
/** Ports that a rule is about. */
export interface NetworkPolicyPort extends z.infer<typeof networkPolicyPortSchema> {}
/** Schema of {@link NetworkPolicyPort}. */
export const networkPolicyPort: Schema<NetworkPolicyPort> = described(networkPolicyPortSchema, 'Ports that a rule is about.');

const ipBlockSchema = struct({
  cidr: text.default(''),
  except: list(text).optional(),
});
/** Addresses, but for some of them. */
export interface IPBlock extends z.infer<typeof ipBlockSchema> {}
/** Schema of {@link IPBlock}. */
export const ipBlock: Schema<IPBlock> = described(ipBlockSchema, 'Addresses, but for some of them.');

const networkPolicyPeerSchema = struct({
  podSelector: pointer(labelSelector),
  namespaceSelector: pointer(labelSelector),
  ipBlock: pointer(ipBlock),
});
/** Who a rule is about. */
export interface NetworkPolicyPeer extends z.infer<typeof networkPolicyPeerSchema> {}
/** Schema of {@link NetworkPolicyPeer}. */
export const networkPolicyPeer: Schema<NetworkPolicyPeer> = described(networkPolicyPeerSchema, 'Who a rule is about.');

const ingressRuleSchema = struct({ ports: list(networkPolicyPort).optional(), from: list(networkPolicyPeer).optional() });
/** What may come in. */
export interface NetworkPolicyIngressRule extends z.infer<typeof ingressRuleSchema> {}
/** Schema of {@link NetworkPolicyIngressRule}. */
export const networkPolicyIngressRule: Schema<NetworkPolicyIngressRule> = described(ingressRuleSchema, 'What may come in.');

const egressRuleSchema = struct({ ports: list(networkPolicyPort).optional(), to: list(networkPolicyPeer).optional() });
/** What may go out. */
export interface NetworkPolicyEgressRule extends z.infer<typeof egressRuleSchema> {}
/** Schema of {@link NetworkPolicyEgressRule}. */
export const networkPolicyEgressRule: Schema<NetworkPolicyEgressRule> = described(egressRuleSchema, 'What may go out.');

const networkPolicySpecSchema = struct({
  podSelector: labelSelector.optional(),
  ingress: list(networkPolicyIngressRule).optional(),
  egress: list(networkPolicyEgressRule).optional(),
  policyTypes: list(text).optional(),
});
/** What may reach some pods, and what they may reach. */
export interface NetworkPolicySpec extends z.infer<typeof networkPolicySpecSchema> {}
/** Schema of {@link NetworkPolicySpec}. */
export const networkPolicySpec: Schema<NetworkPolicySpec> = described(networkPolicySpecSchema, 'What may reach some pods, and what they may reach.');

/** Whom pods may talk to (networking.k8s.io/v1). Orrery keeps it; a network that can enforce it acts on it. */
export interface NetworkPolicy extends KubeObject {
  spec: NetworkPolicySpec;
}
/** The kind {@link NetworkPolicy}. */
export const NetworkPolicy: KindDefinition<NetworkPolicy> = buildKind<NetworkPolicy>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'NetworkPolicy',
  description: 'Whom pods may talk to. Orrery keeps it; a network that can enforce it acts on it.',
  plural: 'networkpolicies',
  shortNames: ['netpol'],
  spec: networkPolicySpec,
  columns: networkPolicyColumns,
  rules: { applyDefaults: applyNetworkPolicyDefaults, validate: validateNetworkPolicy },
});

/** As in Kubernetes (SetDefaults_NetworkPolicy): TCP, and the directions there are rules of. */
function applyNetworkPolicyDefaults({ spec }: NetworkPolicy): void {
  for (const { ports = [] } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of ports) port.protocol ??= 'TCP';
  if ((spec.policyTypes ?? []).length === 0) spec.policyTypes = (spec.egress ?? []).length === 0 ? ['Ingress'] : ['Ingress', 'Egress'];
}
