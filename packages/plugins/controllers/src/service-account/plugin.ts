import { Admissions, Client, Controllers, definePlugin, Informers, ServiceAccount } from '@orrery/core';
import { z } from 'zod';
import { serviceAccountAdmission } from './admission.js';
import { namespaceDefaultsController } from './controller.js';

/** Options of {@link serviceAccounts}. */
export const serviceAccountOptions = z.strictObject({
  /** PEM certificates by which pods are to know the API server; they get into the ConfigMap `kube-root-ca.crt` of each namespace. */
  rootCa: z.string().min(1).max(1_000_000).optional(),
});

/** What pods of a namespace count on: the account `default`, and that the account they name exists. */
export const serviceAccounts = definePlugin({
  name: 'controller-serviceaccount',
  core: '^0.1.0',
  options: serviceAccountOptions.default({}),
  setup: ({ add, get, clock, options }) => {
    add(Admissions, serviceAccountAdmission(() => ({ client: get(Client), accounts: get(Informers).get(ServiceAccount), clock })));
    add(Controllers, namespaceDefaultsController(options));
  },
});
