import { Admissions, Client, Controllers, definePlugin, Informers, ResourceQuota, ServedKinds } from '@orrery/core';
import { resourceQuotaAdmission } from './admission.js';
import { quotaController } from './controller.js';

/** ResourceQuotas: what a namespace may use at most. */
export const resourceQuotas = definePlugin({
  name: 'controller-resourcequota',
  core: '^0.1.0',
  setup: ({ add, get, clock }) => {
    add(Admissions, resourceQuotaAdmission(() => ({ client: get(Client), quotas: get(Informers).get(ResourceQuota), clock })));
    add(Controllers, quotaController({ kinds: () => get(ServedKinds).list(), onKind: (added) => get(ServedKinds).onAnnounced(added) }));
  },
});
