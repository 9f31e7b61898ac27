import type { z } from 'zod';
import { described, flag, heldStruct, int32, list, pointer, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { envFromSource, envVar } from './env.js';
import { lifecycle, probe } from './probes.js';
import { resourceRequirements } from './resources.js';
import { securityContext } from './security-context.js';

// Containers of a pod.

const containerPortSchema = struct({
  name: text.optional(),
  hostPort: int32.optional(),
  containerPort: int32.default(0),
  protocol: text.optional(),
  hostIP: text.optional(),
});
/** A port that a container listens on. */
export interface ContainerPort extends z.infer<typeof containerPortSchema> {}
/** Schema of {@link ContainerPort}. */
export const containerPort: Schema<ContainerPort> = described(containerPortSchema, 'A port that a container listens on.');

const volumeMountSchema = struct({
  name: text.default(''),
  readOnly: flag.optional(),
  mountPath: text.default(''),
  subPath: text.optional(),
  mountPropagation: pointer(text),
  subPathExpr: text.optional(),
  recursiveReadOnly: pointer(text),
});
/** Where a volume appears in a container. */
export interface VolumeMount extends z.infer<typeof volumeMountSchema> {}
/** Schema of {@link VolumeMount}. */
export const volumeMount: Schema<VolumeMount> = described(volumeMountSchema, 'Where a volume appears in a container.');

const volumeDeviceSchema = struct({
  name: text.default(''),
  devicePath: text.default(''),
});
/** Where a raw block device appears in a container. */
export interface VolumeDevice extends z.infer<typeof volumeDeviceSchema> {}
/** Schema of {@link VolumeDevice}. */
export const volumeDevice: Schema<VolumeDevice> = described(volumeDeviceSchema, 'Where a raw block device appears in a container.');

const containerResizePolicySchema = struct({
  resourceName: text.default(''),
  restartPolicy: text.default(''),
});
/** Whether a change of a resource restarts the container. */
export interface ContainerResizePolicy extends z.infer<typeof containerResizePolicySchema> {}
/** Schema of {@link ContainerResizePolicy}. */
export const containerResizePolicy: Schema<ContainerResizePolicy> = described(containerResizePolicySchema, 'Whether a change of a resource restarts the container.');

const containerRestartRuleOnExitCodesSchema = struct({
  operator: text.optional(),
  values: list(int32, { listType: 'set' }).optional(),
});
/** Which exit codes a restart rule applies to. */
export interface ContainerRestartRuleOnExitCodes extends z.infer<typeof containerRestartRuleOnExitCodesSchema> {}
/** Schema of {@link ContainerRestartRuleOnExitCodes}. */
export const containerRestartRuleOnExitCodes: Schema<ContainerRestartRuleOnExitCodes> = described(containerRestartRuleOnExitCodesSchema, 'Which exit codes a restart rule applies to.');

const containerRestartRuleSchema = struct({
  action: text.optional(),
  exitCodes: pointer(containerRestartRuleOnExitCodes),
});
/** What to do on an exit, by exit code. */
export interface ContainerRestartRule extends z.infer<typeof containerRestartRuleSchema> {}
/** Schema of {@link ContainerRestartRule}. */
export const containerRestartRule: Schema<ContainerRestartRule> = described(containerRestartRuleSchema, 'What to do on an exit, by exit code.');

const containerSchema = struct({
  name: text.default(''),
  image: text.optional(),
  command: list(text).optional(),
  args: list(text).optional(),
  workingDir: text.optional(),
  ports: list(containerPort, { strategy: 'merge', key: 'containerPort', listType: 'map', listKeys: ['containerPort', 'protocol'] }).optional(),
  env: list(envVar, { strategy: 'merge', key: 'name', listType: 'map' }).optional(),
  resources: heldStruct(resourceRequirements),
  volumeMounts: list(volumeMount, { strategy: 'merge', key: 'mountPath', listType: 'map' }).optional(),
  livenessProbe: pointer(probe),
  readinessProbe: pointer(probe),
  lifecycle: pointer(lifecycle),
  terminationMessagePath: text.optional(),
  imagePullPolicy: text.optional(),
  securityContext: pointer(securityContext),
  stdin: flag.optional(),
  stdinOnce: flag.optional(),
  tty: flag.optional(),
  envFrom: list(envFromSource).optional(),
  terminationMessagePolicy: text.optional(),
  volumeDevices: list(volumeDevice, { strategy: 'merge', key: 'devicePath', listType: 'map' }).optional(),
  startupProbe: pointer(probe),
  resizePolicy: list(containerResizePolicy).optional(),
  restartPolicy: pointer(text),
  restartPolicyRules: list(containerRestartRule).optional(),
});
/** One container of a pod. */
export interface Container extends z.infer<typeof containerSchema> {}
/** Schema of {@link Container}. */
export const container: Schema<Container> = described(containerSchema, 'One container of a pod.');

/** What ephemeral containers share with others. */
export const ephemeralContainerCommonFields = {
  name: text.default(''),
  image: text.optional(),
  command: list(text).optional(),
  args: list(text).optional(),
  workingDir: text.optional(),
  ports: list(containerPort, { strategy: 'merge', key: 'containerPort', listType: 'map', listKeys: ['containerPort', 'protocol'] }).optional(),
  env: list(envVar, { strategy: 'merge', key: 'name', listType: 'map' }).optional(),
  resources: heldStruct(resourceRequirements),
  volumeMounts: list(volumeMount, { strategy: 'merge', key: 'mountPath', listType: 'map' }).optional(),
  livenessProbe: pointer(probe),
  readinessProbe: pointer(probe),
  lifecycle: pointer(lifecycle),
  terminationMessagePath: text.optional(),
  imagePullPolicy: text.optional(),
  securityContext: pointer(securityContext),
  stdin: flag.optional(),
  stdinOnce: flag.optional(),
  tty: flag.optional(),
  envFrom: list(envFromSource).optional(),
  terminationMessagePolicy: text.optional(),
  volumeDevices: list(volumeDevice, { strategy: 'merge', key: 'devicePath', listType: 'map' }).optional(),
  startupProbe: pointer(probe),
  resizePolicy: list(containerResizePolicy).optional(),
  restartPolicy: pointer(text),
  restartPolicyRules: list(containerRestartRule).optional(),
};

const ephemeralContainerSchema = struct({
  ...ephemeralContainerCommonFields,
  targetContainerName: text.optional(),
});
/** A container added to a running pod for debugging. */
export interface EphemeralContainer extends z.infer<typeof ephemeralContainerSchema> {}
/** Schema of {@link EphemeralContainer}. */
export const ephemeralContainer: Schema<EphemeralContainer> = described(ephemeralContainerSchema, 'A container added to a running pod for debugging.');
