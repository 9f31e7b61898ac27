import { type Attributes, type Authorizer, type Decision, parseFieldSelector, parseLabelSelector, type ResourceRef } from '@orrery/core';
import { ruleAllows } from '../rules.js';
import { nodeOf } from './identity.js';
import { nodeRules } from './rules.js';
import { KEPT_BY, type NodeUses, type UsedKind } from './uses.js';

const RULES = nodeRules();
const USED: ReadonlyMap<string, UsedKind> = new Map([
  ['secrets', 'secret'],
  ['configmaps', 'configmap'],
  ['persistentvolumeclaims', 'persistentvolumeclaim'],
  ['serviceaccounts', 'serviceaccount'],
]);
const LEASES = 'kube-node-lease';
const no = (reason: string): Decision => ({ allowed: false, reason });
const YES: Decision = { allowed: true };

/**
 * What the agent of a node may do: read its own Node, the pods bound to it and what those use, write its Lease, and what all agents do alike (plugin/pkg/auth/authorizer/node). What of that it may write
 * how is looked at by the admission step NodeRestriction. No opinion about everybody else.
 */
export function nodeAuthorizer(uses: () => NodeUses): Authorizer {
  return {
    authorize: async (attributes) => {
      const node = nodeOf(attributes.user);
      if (node === undefined) return { allowed: false };
      if (!RULES.some((rule) => ruleAllows(rule, attributes))) return { allowed: false };
      const { ref } = attributes;
      if (ref === undefined) return { allowed: false };
      const known = uses();
      await known.ready();
      return decide(node, { ...attributes, ref }, known);
    },
    rules: {
      rulesFor: (user) => (nodeOf(user) === undefined ? { rules: [], incomplete: false } : { rules: [], incomplete: true, error: 'node authorizer does not support user rule resolution' }),
    },
  };
}

/** The rules allow it to agents: may this one do it with these objects? */
function decide(node: string, attributes: Attributes & { readonly ref: ResourceRef }, uses: NodeUses): Decision {
  const { verb, ref } = attributes;
  if (ref.group === 'coordination.k8s.io') {
    if (ref.namespace !== LEASES) return no(`can only access leases in the ${JSON.stringify(LEASES)} system namespace`);
    return verb === 'create' || ref.name === node ? YES : no('can only access node lease with the same name as the requesting node');
  }
  if (ref.group !== '') return YES;
  if (ref.resource === 'nodes') return verb === 'create' || ref.name === node ? YES : no(`node ${JSON.stringify(node)} cannot access other nodes than itself`);
  if (ref.resource === 'pods') return podDecision(node, attributes, uses);
  if (ref.resource === 'persistentvolumes') return volumeDecision(node, attributes, uses);
  const kind = USED.get(ref.resource);
  if (kind === undefined) return YES;
  if (ref.name === undefined || ref.namespace === undefined) return no('No object name found');
  return uses.uses(node, kind, ref.namespace, ref.name) ? YES : unrelated(node, ref);
}

const unrelated = (node: string, { resource }: ResourceRef): Decision => no(`no relationship found between node ${JSON.stringify(node)} and this object (${resource})`);

function podDecision(node: string, { verb, ref, selection }: Attributes & { readonly ref: ResourceRef }, { pods }: NodeUses): Decision {
  if (verb === 'list' || verb === 'watch') return selectsNode(selection?.fieldSelector, node) ? YES : no(`can only list/watch pods with spec.nodeName field selector`);
  if (verb === 'get') return pods.get(`${ref.namespace}/${ref.name}`)?.spec.nodeName === node ? YES : unrelated(node, ref);
  return YES;
}

/** Those that its pods claim, and those that its agent keeps: of the latter it learns when they go. */
function volumeDecision(node: string, { verb, ref, selection }: Attributes & { readonly ref: ResourceRef }, uses: NodeUses): Decision {
  if (verb === 'list' || verb === 'watch') return selectsKept(selection?.labelSelector, node) ? YES : no(`can only list/watch persistentvolumes with the label ${KEPT_BY} of the requesting node`);
  const name = ref.name ?? '';
  return uses.keepsVolume(node, name) || (verb === 'get' && uses.usesVolume(node, name)) ? YES : unrelated(node, ref);
}

/** Whether nothing but volumes that the node keeps can be in what is selected. */
function selectsKept(labelSelector: string | undefined, node: string): boolean {
  if (labelSelector === undefined) return false;
  try {
    return parseLabelSelector(labelSelector).requirements.some(({ key, operator, values }) => key === KEPT_BY && (operator === '=' || operator === 'in') && values.length === 1 && values[0] === node);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Whether nothing but pods of the node can be in what is selected. */
function selectsNode(fieldSelector: string | undefined, node: string): boolean {
  if (fieldSelector === undefined) return false;
  try {
    return parseFieldSelector(fieldSelector).requirements.some(({ field, operator, value }) => field === 'spec.nodeName' && operator === '=' && value === node);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
