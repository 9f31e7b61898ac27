import { Admissions, Controllers, definePlugin } from '@orrery/core';
import { persistentVolumeController } from './controller.js';
import { storageProtection } from './protection.js';

/** Binds claims to volumes, and keeps both while they are in use. */
export const persistentVolumes = definePlugin({
  name: 'controller-persistent-volumes',
  core: '^0.1.0',
  setup: ({ add }) => {
    add(Admissions, storageProtection);
    add(Controllers, persistentVolumeController());
  },
});
