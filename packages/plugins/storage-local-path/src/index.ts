/**
 * Volumes that are folders of the node their first pod runs on.
 * @packageDocumentation
 */
import { ApiError, Client, Controllers, definePlugin, type StorageClass as Class, StorageClass, untilAborted } from '@orrery/core';
import { z } from 'zod';
import { localPathProvisioner, NODE_FOLDER, PROVISIONER } from './provisioner.js';

export { FOLDER_FINALIZER, localPathProvisioner, NODE_FOLDER, planProvision, type Provision, PROVISIONER } from './provisioner.js';

/**
 * Provides a storage class whose volumes are folders of nodes: a claim gets its volume when its first pod has been placed, where that pod is.
 * Needs the controller of persistent volumes, and nodes that say where such folders may lie (the node agent does).
 */
export const localPathStorage = definePlugin({
  name: 'storage-local-path',
  core: '^0.1.0',
  options: z
    .strictObject({
      /** Name of the storage class. */
      className: z.string().regex(/^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be a DNS-1123 subdomain').default('local-path'),
      /** Claims that name no class get this one. */
      isDefault: z.boolean().default(true),
      /** What becomes of a folder whose claim is deleted. */
      reclaimPolicy: z.enum(['Delete', 'Retain']).default('Delete'),
    })
    .prefault({}),
  setup({ add, run, options }) {
    add(Controllers, localPathProvisioner());
    run((get) => ({
      name: 'storage class of local-path',
      phase: 'controllers',
      async run(signal, ready) {
        await makeClass(get(Client), options);
        ready();
        await untilAborted(signal);
      },
    }));
  },
});

/** Makes the class unless there is one of that name: what somebody wrote stays. */
async function makeClass(client: Client, { className, isDefault, reclaimPolicy }: { readonly className: string; readonly isDefault: boolean; readonly reclaimPolicy: string }): Promise<void> {
  const storageClass: Class = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: className, ...(isDefault && { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }) },
    provisioner: PROVISIONER,
    reclaimPolicy,
    volumeBindingMode: 'WaitForFirstConsumer',
    // Nodes that keep no such folders say no such thing.
    allowedTopologies: [{ matchLabelExpressions: [{ key: NODE_FOLDER, values: ['true'] }] }],
  };
  try {
    await client.kind(StorageClass).create(storageClass);
  } catch (error) {
    if (!ApiError.is(error, 'AlreadyExists')) throw error;
  }
}
