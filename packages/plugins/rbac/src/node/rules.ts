import type { PolicyRule } from '@orrery/core';
import { onResources, READ } from '../bootstrap/rule-words.js';

/** What an agent may do with objects of any node; what is only its own is looked at besides (NodeRules). */
export const nodeRules = (): PolicyRule[] => [
  onResources(['authentication.k8s.io'], ['tokenreviews'], ['create']),
  onResources(['authorization.k8s.io'], ['localsubjectaccessreviews', 'subjectaccessreviews'], ['create']),
  onResources([''], ['services'], READ),
  onResources([''], ['nodes'], ['create', ...READ]),
  onResources([''], ['nodes/status'], ['patch', 'update']),
  onResources([''], ['nodes'], ['patch', 'update']),
  onResources(['', 'events.k8s.io'], ['events'], ['create', 'patch', 'update']),
  onResources([''], ['pods'], ['create', 'delete', ...READ]),
  onResources([''], ['pods/status'], ['patch', 'update']),
  onResources([''], ['pods/eviction'], ['create']),
  onResources([''], ['configmaps', 'secrets'], READ),
  onResources([''], ['persistentvolumeclaims'], ['get']),
  onResources([''], ['persistentvolumes'], [...READ, 'update']),
  onResources([''], ['endpoints'], ['get']),
  onResources(['certificates.k8s.io'], ['certificatesigningrequests'], ['create', ...READ]),
  onResources(['coordination.k8s.io'], ['leases'], ['create', 'delete', 'get', 'patch', 'update']),
  onResources([''], ['serviceaccounts'], ['get']),
  onResources([''], ['serviceaccounts/token'], ['create']),
  onResources(['node.k8s.io'], ['runtimeclasses'], READ),
];
