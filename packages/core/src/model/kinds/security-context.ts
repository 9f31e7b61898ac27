import type { z } from 'zod';
import { described, flag, int64, list, pointer, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';

// What a container or pod may do on its node.

const capabilitiesSchema = struct({
  add: list(text).optional(),
  drop: list(text).optional(),
});
/** POSIX capabilities to add and drop. */
export interface Capabilities extends z.infer<typeof capabilitiesSchema> {}
/** Schema of {@link Capabilities}. */
export const capabilities: Schema<Capabilities> = described(capabilitiesSchema, 'POSIX capabilities to add and drop.');

const seLinuxOptionsSchema = struct({
  user: text.optional(),
  role: text.optional(),
  type: text.optional(),
  level: text.optional(),
});
/** SELinux labels. */
export interface SELinuxOptions extends z.infer<typeof seLinuxOptionsSchema> {}
/** Schema of {@link SELinuxOptions}. */
export const seLinuxOptions: Schema<SELinuxOptions> = described(seLinuxOptionsSchema, 'SELinux labels.');

const windowsSecurityContextOptionsSchema = struct({
  gmsaCredentialSpecName: pointer(text),
  gmsaCredentialSpec: pointer(text),
  runAsUserName: pointer(text),
  hostProcess: pointer(flag),
});
/** Settings of Windows containers. */
export interface WindowsSecurityContextOptions extends z.infer<typeof windowsSecurityContextOptionsSchema> {}
/** Schema of {@link WindowsSecurityContextOptions}. */
export const windowsSecurityContextOptions: Schema<WindowsSecurityContextOptions> = described(windowsSecurityContextOptionsSchema, 'Settings of Windows containers.');

const seccompProfileSchema = struct({
  type: text.default(''),
  localhostProfile: pointer(text),
});
/** Which system calls are allowed. */
export interface SeccompProfile extends z.infer<typeof seccompProfileSchema> {}
/** Schema of {@link SeccompProfile}. */
export const seccompProfile: Schema<SeccompProfile> = described(seccompProfileSchema, 'Which system calls are allowed.');

const appArmorProfileSchema = struct({
  type: text.default(''),
  localhostProfile: pointer(text),
});
/** Which AppArmor profile applies. */
export interface AppArmorProfile extends z.infer<typeof appArmorProfileSchema> {}
/** Schema of {@link AppArmorProfile}. */
export const appArmorProfile: Schema<AppArmorProfile> = described(appArmorProfileSchema, 'Which AppArmor profile applies.');

const securityContextSchema = struct({
  capabilities: pointer(capabilities),
  privileged: pointer(flag),
  seLinuxOptions: pointer(seLinuxOptions),
  runAsUser: pointer(int64),
  runAsNonRoot: pointer(flag),
  readOnlyRootFilesystem: pointer(flag),
  allowPrivilegeEscalation: pointer(flag),
  runAsGroup: pointer(int64),
  procMount: pointer(text),
  windowsOptions: pointer(windowsSecurityContextOptions),
  seccompProfile: pointer(seccompProfile),
  appArmorProfile: pointer(appArmorProfile),
});
/** Security settings of one container; they win over those of the pod. */
export interface SecurityContext extends z.infer<typeof securityContextSchema> {}
/** Schema of {@link SecurityContext}. */
export const securityContext: Schema<SecurityContext> = described(securityContextSchema, 'Security settings of one container; they win over those of the pod.');

const sysctlSchema = struct({
  name: text.default(''),
  value: text.default(''),
});
/** A kernel parameter. */
export interface Sysctl extends z.infer<typeof sysctlSchema> {}
/** Schema of {@link Sysctl}. */
export const sysctl: Schema<Sysctl> = described(sysctlSchema, 'A kernel parameter.');

const podSecurityContextSchema = struct({
  seLinuxOptions: pointer(seLinuxOptions),
  runAsUser: pointer(int64),
  runAsNonRoot: pointer(flag),
  supplementalGroups: list(int64).optional(),
  fsGroup: pointer(int64),
  runAsGroup: pointer(int64),
  sysctls: list(sysctl).optional(),
  windowsOptions: pointer(windowsSecurityContextOptions),
  fsGroupChangePolicy: pointer(text),
  seccompProfile: pointer(seccompProfile),
  appArmorProfile: pointer(appArmorProfile),
  supplementalGroupsPolicy: pointer(text),
  seLinuxChangePolicy: pointer(text),
});
/** Security settings of all containers of a pod. */
export interface PodSecurityContext extends z.infer<typeof podSecurityContextSchema> {}
/** Schema of {@link PodSecurityContext}. */
export const podSecurityContext: Schema<PodSecurityContext> = described(podSecurityContextSchema, 'Security settings of all containers of a pod.');
