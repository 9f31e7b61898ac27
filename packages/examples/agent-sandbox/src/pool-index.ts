import type { KubeObject } from '@orrery/core';
import { POOL_LABEL } from './kinds.js';

/** The name of the index of sandboxes by pool. */
export const POOL_INDEX = 'sandboxes.pool';

/** Files sandboxes under `namespace/pool`. */
export const byPool = { [POOL_INDEX]: ({ metadata }: KubeObject): readonly string[] => [`${metadata.namespace}/${metadata.labels?.[POOL_LABEL] ?? ''}`] };
