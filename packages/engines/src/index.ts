/**
 * Starts the real parts that tests, benches and the tour need, one file a part. Not published, and imported by no shipped code.
 * @packageDocumentation
 */
export { type ApiAnswer, type ApiRequest, engineApi } from './api.js';
export { type DockerEngine, type DockerdOptions, startDockerd } from './dockerd.js';
export { type Disk, startDisk } from './disk.js';
export { type Etcd, type EtcdMember, type EtcdOptions, startEtcd } from './etcd.js';
export { type EtcdPki } from './etcd-pki.js';
export { busyboxImage, type ImageContents, imageOf } from './image.js';
export { freePorts } from './ports.js';
export { missingParts, type Part, type Required, requireParts } from './missing.js';
export { type Cut, type Network, type NetworkHost, type Place, startNetwork } from './network.js';
export { type Registry, type RegistryOptions, startRegistry } from './registry.js';
export { type RegistryFault, type RegistryProxy, startRegistryProxy } from './registry-proxy.js';
export { type RedisOptions, type RedisServer, startRedis } from './redis.js';
export { type RedisCluster, type RedisSentinels, startRedisCluster, startRedisSentinels } from './redis-groups.js';
export { Kubectl, kubeconfig, type LayerProgram, type Outcome, requireKubectl, requireOldKubectl } from './kubectl.js';
export { type Answering, type Asked, WebhookServer } from './webhook-server.js';
