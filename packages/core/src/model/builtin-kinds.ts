import type { KindDefinition } from './kind.js';
import { ConfigMap } from './kinds/configmap.js';
import { Deployment } from './kinds/deployment.js';
import { EndpointSlice } from './kinds/endpointslice.js';
import { Event } from './kinds/event.js';
import { Lease } from './kinds/lease.js';
import { Namespace } from './kinds/namespace.js';
import { Node } from './kinds/node.js';
import { PersistentVolumeClaim } from './kinds/persistent-volume-claim.js';
import { PersistentVolume } from './kinds/persistent-volume.js';
import { Pod } from './kinds/pod.js';
import { PriorityClass } from './kinds/priorityclass.js';
import { ReplicaSet } from './kinds/replicaset.js';
import { Secret } from './kinds/secret.js';
import { Service } from './kinds/service.js';
import { StorageClass } from './kinds/storage-class.js';

/** Kubernetes' own kinds, as far as Orrery has them. */
export const builtinKinds: readonly KindDefinition[] = [
  Namespace,
  Node,
  Pod,
  ReplicaSet,
  Deployment,
  Service,
  EndpointSlice,
  ConfigMap,
  Secret,
  Event,
  Lease,
  PriorityClass,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
] as readonly unknown[] as readonly KindDefinition[];
