import { type Admission, type AdmissionRequest, ApiError, type Informer, type KubeObject, type LimitRange, type PersistentVolumeClaim, type Pod } from '@orrery/core';
import { whenSynced } from '../shared/when-synced.js';
import { claimViolations, podViolations } from './check.js';
import { applyLimits } from './defaults.js';

/** Bounds pods and claims by the limit ranges of their namespace, and fills in what pods leave open (the admission plugin LimitRanger). */
export function limitRanger(informer: () => Informer<LimitRange>): Admission {
  const ranges = whenSynced(informer);
  const rangesOf = async ({ object }: AdmissionRequest): Promise<readonly LimitRange[]> => (await ranges()).lister.list(object?.metadata.namespace);
  return {
    name: 'LimitRanger',
    handles: ({ operation, kind, ref }) =>
      kind.group === '' && ref.subresource === undefined && ((kind.plural === 'pods' && operation === 'CREATE') || (kind.plural === 'persistentvolumeclaims' && operation !== 'DELETE')),
    mutate: async (request) => {
      if (request.kind.plural === 'pods') applyLimits(request.object as Pod, await rangesOf(request));
    },
    validate: async (request) => {
      const here = await rangesOf(request);
      if (here.length === 0) return;
      const object = request.object as KubeObject;
      const found = request.kind.plural === 'pods' ? podViolations(object as Pod, here) : claimViolations(object as PersistentVolumeClaim, here);
      if (found.length === 0) return;
      const name = object.metadata.name ?? object.metadata.generateName ?? '';
      const text = found.length === 1 ? found[0] : `[${found.join(', ')}]`;
      throw new ApiError('Forbidden', `${request.kind.plural} ${JSON.stringify(name)} is forbidden: ${text}`, { name, kind: request.kind.plural });
    },
  };
}
