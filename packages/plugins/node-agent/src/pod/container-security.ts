import { type Container, type ContainerSecurity, type ImageStatus, type Pod } from '@orrery/core';
import { resolveBelow } from './below.js';
import { ConfigError } from './env.js';

/**
 * Who a container's processes are and what they may do: its own security context over the pod's (kubelet securitycontext.DetermineEffectiveSecurityContext).
 * Throws {@link ConfigError} for a `Localhost` seccomp profile that leads out of the folder of profiles. Pure.
 */
export function securityOf(pod: Pod, container: Container): ContainerSecurity {
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  const user = own.runAsUser ?? shared.runAsUser;
  const group = own.runAsGroup ?? shared.runAsGroup;
  const groups = groupsOf(pod);
  const seccomp = seccompOf(own.seccompProfile ?? shared.seccompProfile);
  return {
    ...(user !== undefined && { runAsUser: user }),
    ...(group !== undefined && { runAsGroup: group }),
    ...(groups.length > 0 && { supplementalGroups: groups }),
    ...(own.readOnlyRootFilesystem !== undefined && { readOnlyRootFilesystem: own.readOnlyRootFilesystem }),
    ...(own.privileged !== undefined && { privileged: own.privileged }),
    ...(own.allowPrivilegeEscalation !== undefined && { allowPrivilegeEscalation: own.allowPrivilegeEscalation }),
    ...(own.capabilities?.add !== undefined && { addCapabilities: own.capabilities.add.map(capabilityName) }),
    ...(own.capabilities?.drop !== undefined && { dropCapabilities: own.capabilities.drop.map(capabilityName) }),
    ...(seccomp !== undefined && { seccomp }),
    ...(own.procMount !== undefined && { procMount: own.procMount === 'Unmasked' ? ('Unmasked' as const) : ('Default' as const) }),
  };
}

/** The name the runtime contract uses: upper case, without `CAP_`. */
export const capabilityName = (name: string): string => name.toUpperCase().replace(/^CAP_/, '');

/** Groups of a container's processes beside its own: those that are asked for, and the one that owns the volumes. */
function groupsOf(pod: Pod): readonly number[] {
  const { supplementalGroups = [], fsGroup } = pod.spec.securityContext ?? {};
  return [...new Set(fsGroup === undefined ? supplementalGroups : [...supplementalGroups, fsGroup])];
}

type Profile = NonNullable<Container['securityContext']>['seccompProfile'];

function seccompOf(profile: Profile): ContainerSecurity['seccomp'] {
  switch (profile?.type) {
    case undefined:
      return undefined;
    case 'RuntimeDefault':
    case 'Unconfined':
      return { type: profile.type };
    case 'Localhost': {
      const path = profile.localhostProfile ?? '';
      if (resolveBelow('/', path) === undefined) throw new ConfigError('the seccomp profile must be a path inside the folder of profiles');
      return { type: 'Localhost', profile: path };
    }
    default:
      throw new ConfigError(`seccomp profiles of type ${JSON.stringify(profile?.type)} are not known`);
  }
}

/**
 * Holds `runAsNonRoot` (kuberuntime verifyRunAsNonRoot): throws {@link ConfigError} when the container would run as root, or as a user of which
 * that cannot be told. `image` is what is known of the image; undefined where containers do not come from images, and then only `runAsUser` counts. Pure.
 */
export function checkNonRoot(pod: Pod, container: Container, image: Pick<ImageStatus, 'user'> | undefined): void {
  const own = container.securityContext ?? {};
  const shared = pod.spec.securityContext ?? {};
  if ((own.runAsNonRoot ?? shared.runAsNonRoot) !== true) return;
  const user = own.runAsUser ?? shared.runAsUser;
  const which = `(pod: "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})", container: ${container.name})`;
  if (user === 0) throw new ConfigError(`container's runAsUser breaks non-root policy ${which}`);
  if (user !== undefined || image === undefined) return;
  if (image.user === undefined || ('uid' in image.user && image.user.uid === 0)) throw new ConfigError(`container has runAsNonRoot and image will run as root ${which}`);
  if ('name' in image.user) throw new ConfigError(`container has runAsNonRoot and image has non-numeric user (${image.user.name}), cannot verify user is non-root ${which}`);
}
