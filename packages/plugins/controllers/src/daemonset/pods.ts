import { type Affinity, controllerOf, type DaemonSet, millisOfTime, type NodeSelectorTerm, type Pod, templateGeneration } from '@orrery/core';
import { REVISION_LABEL } from '../history/revisions.js';
import { podFromTemplate } from '../shared/pod-template.js';
import { daemonTolerations } from './placement.js';

/** Which template a pod was made from, as tools older than revisions read it. */
const GENERATION_LABEL = 'pod-template-generation';
const NODE_NAME_FIELD = 'metadata.name';

/** The node a pod of a DaemonSet is for: the one it is bound to, or the one it is pinned to (GetTargetNodeName). */
export function targetNode({ spec }: Pod): string | undefined {
  if ((spec.nodeName ?? '') !== '') return spec.nodeName;
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms) {
    const named = matchFields.find(({ key, operator }) => key === NODE_NAME_FIELD && operator === 'In');
    if (named !== undefined) return named.values?.length === 1 ? named.values[0] : undefined;
  }
  return undefined;
}

/** Index function: the pods of a DaemonSet on a node, see {@link onNode}. */
export function byDaemonNode(pod: Pod): readonly string[] {
  const owner = controllerOf(pod);
  const node = owner?.kind === 'DaemonSet' ? targetNode(pod) : undefined;
  return owner === undefined || node === undefined ? [] : [onNode(owner.uid, node)];
}

/** Where {@link byDaemonNode} files the pods of the DaemonSet with a uid that are for a node. */
export const onNode = (uid: string, node: string): string => `${uid}/${node}`;

/** The name under which {@link byDaemonNode} is registered with informers. */
export const DAEMON_NODE_INDEX = 'controllers.daemon-node';

/** A pod for one node. The scheduler binds it; that it goes to no other node is a required affinity to the node's name (ReplaceDaemonSetPodNodeNameNodeAffinity). */
export function daemonPod(set: DaemonSet, node: string, hash: string): Pod {
  const pod = podFromTemplate(set, set.spec.template);
  const generation = templateGeneration(set);
  const labels = { ...pod.metadata.labels, ...(generation !== undefined && { [GENERATION_LABEL]: String(generation) }), [REVISION_LABEL]: hash };
  const { template } = set.spec;
  return {
    ...pod,
    metadata: { ...pod.metadata, labels },
    spec: { ...pod.spec, affinity: pinned(template.spec.affinity, node), tolerations: [...daemonTolerations(template)] },
  };
}

function pinned(affinity: Affinity | undefined, node: string): Affinity {
  const term: NodeSelectorTerm = { matchFields: [{ key: NODE_NAME_FIELD, operator: 'In', values: [node] }] };
  return { ...affinity, nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } };
}

/** Whether a pod is of the present template. */
export const isUpdated = ({ metadata }: Pod, hash: string): boolean => metadata.labels?.[REVISION_LABEL] === hash;

/** The pod that stays, should there be several: bound ones first, then the oldest (podByCreationTimestampAndPhase). */
export function bySeniority(a: Pod, b: Pod): number {
  const bound = Number((b.spec.nodeName ?? '') !== '') - Number((a.spec.nodeName ?? '') !== '');
  if (bound !== 0) return bound;
  return created(a) - created(b) || ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1);
}

const created = ({ metadata }: Pod): number => millisOfTime(metadata.creationTimestamp ?? '') ?? 0;
