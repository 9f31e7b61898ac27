import type { NodeSelectorRequirement, NodeSelectorTerm } from './kinds/affinity.js';
import type { Node } from './kinds/node.js';
import type { Pod } from './kinds/pod.js';

const INTEGER = /^[+-]?\d+$/;

function integer(text: string | undefined): bigint | undefined {
  if (text === undefined || !INTEGER.test(text)) return undefined;
  const number = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return number >= -(2n ** 63n) && number < 2n ** 63n ? number : undefined;
}

/** Whether a requirement is well formed; a malformed one makes its whole term match nothing, as in Kubernetes. */
function valid({ operator, values = [] }: NodeSelectorRequirement): boolean {
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0;
    case 'Exists':
    case 'DoesNotExist':
      return values.length === 0;
    case 'Gt':
    case 'Lt':
      return values.length === 1 && integer(values[0]) !== undefined;
    default:
      return false;
  }
}

function matchesLabel({ key, operator, values = [] }: NodeSelectorRequirement, labels: Readonly<Record<string, string>>): boolean {
  const present = Object.hasOwn(labels, key);
  const label = present ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return label !== undefined && values.includes(label);
    case 'NotIn':
      return label === undefined || !values.includes(label);
    case 'Exists':
      return present;
    case 'DoesNotExist':
      return !present;
    default: {
      const [left, right] = [integer(label), integer(values[0])];
      if (left === undefined || right === undefined) return false;
      return operator === 'Gt' ? left > right : left < right;
    }
  }
}

function matchesField({ key, operator, values = [] }: NodeSelectorRequirement, node: Node): boolean {
  // Kubernetes knows one field, and one value to compare it with.
  if (key !== 'metadata.name' || values.length !== 1) return false;
  if (operator === 'In') return node.metadata.name === values[0];
  return operator === 'NotIn' && node.metadata.name !== values[0];
}

/** Whether a node fits a term. An empty term fits none (nodeaffinity.nodeSelectorTerm). */
export function matchesNodeSelectorTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean {
  if (matchExpressions.length === 0 && matchFields.length === 0) return false;
  const labels = node.metadata.labels ?? {};
  return matchExpressions.every((one) => valid(one) && matchesLabel(one, labels)) && matchFields.every((one) => matchesField(one, node));
}

/** Whether a node fits `spec.nodeSelector` and the required node affinity of a pod. */
export function matchesNode(pod: Pick<Pod, 'spec'>, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, wanted] of Object.entries(pod.spec.nodeSelector ?? {})) {
    if (!Object.hasOwn(labels, key) || labels[key] !== wanted) return false;
  }
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => matchesNodeSelectorTerm(term, node));
}
