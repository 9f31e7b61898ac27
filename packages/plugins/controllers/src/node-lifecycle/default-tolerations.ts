import { type Admission, Pod, type Toleration } from '@orrery/core';
import { TAINT } from './taints.js';

/** How long a pod without an opinion stays on a node that is not ready or unreachable, seconds. */
export interface DefaultTolerationSeconds {
  readonly notReadySeconds: number;
  readonly unreachableSeconds: number;
}

/** Gives pods the two tolerations they do not have (the admission plugin DefaultTolerationSeconds). */
export function defaultTolerations({ notReadySeconds, unreachableSeconds }: DefaultTolerationSeconds): Admission {
  return {
    name: 'DefaultTolerationSeconds',
    handles: ({ operation, kind, ref }) => operation === 'CREATE' && kind.kind === Pod.kind && kind.group === '' && ref.subresource === undefined,
    mutate: ({ object }) => {
      const { spec } = object as Pod;
      const own = spec.tolerations ?? [];
      const added: Toleration[] = [];
      for (const [key, tolerationSeconds] of [[TAINT.notReady, notReadySeconds], [TAINT.unreachable, unreachableSeconds]] as const) {
        if (!own.some((toleration) => concerns(toleration, key))) added.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds });
      }
      if (added.length > 0) spec.tolerations = [...own, ...added];
    },
  };
}

const concerns = ({ key = '', effect = '' }: Toleration, taint: string): boolean => (key === taint || key === '') && (effect === 'NoExecute' || effect === '');
