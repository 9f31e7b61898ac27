import type { PolicyRule } from '@orrery/core';

/** Verbs that look. */
export const READ: readonly string[] = ['get', 'list', 'watch'];
/** Verbs that change. */
export const CHANGE: readonly string[] = ['create', 'delete', 'deletecollection', 'patch', 'update'];
/** Both. */
export const READ_AND_CHANGE: readonly string[] = [...CHANGE, ...READ];

/** A rule for resources. */
export const onResources = (apiGroups: readonly string[], resources: readonly string[], verbs: readonly string[]): PolicyRule => ({ apiGroups: [...apiGroups], resources: [...resources], verbs: [...verbs] });
/** A rule for other paths. */
export const onPaths = (paths: readonly string[], verbs: readonly string[] = ['get']): PolicyRule => ({ nonResourceURLs: [...paths], verbs: [...verbs] });
