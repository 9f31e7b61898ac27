import { imageTag } from '../image-name.js';
import type { Container, EphemeralContainer } from '../kinds/container.js';
import type { Pod } from '../kinds/pod.js';
import type { PodSpec } from '../kinds/pod-spec.js';
import type { HTTPGetAction, LifecycleHandler, Probe } from '../kinds/probes.js';
import type { ResourceRequirements } from '../kinds/resources.js';
import type { ObjectFieldSelector } from '../kinds/env.js';
import type { DownwardAPIVolumeFile, Volume } from '../kinds/volumes.js';
import { roundedToMilli } from '../quantity.js';
import { applyPodLevelResources } from './pod-level-resources.js';

// Scheme defaulting of pods and of everything with a pod template: pkg/apis/core/v1/defaults.go.

const FILE_MODE = 0o644;

/** Fills in what a pod leaves open. */
export function applyPodDefaults(pod: Pod): void {
  const { spec } = pod;
  applyPodSpecDefaults(spec);
  for (const container of spec.containers) requestWhatIsLimited(container.resources);
  for (const container of spec.initContainers ?? []) requestWhatIsLimited(container.resources);
  applyPodLevelResources(pod);
  spec.enableServiceLinks ??= true;
  if (spec.hostNetwork === true) {
    openHostPorts(spec.containers);
    openHostPorts(spec.initContainers ?? []);
  }
}

/** Fills in what the spec of a pod or of a pod template leaves open. */
export function applyPodSpecDefaults(spec: PodSpec): void {
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.restartPolicy ??= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ??= 'default-scheduler';
  // The old name of the field is kept in step, as the conversion to Kubernetes' internal type does.
  if (spec.serviceAccountName !== undefined) spec.serviceAccount = spec.serviceAccountName;
  else if (spec.serviceAccount !== undefined) spec.serviceAccountName = spec.serviceAccount;
  roundQuantities(spec.overhead);
  roundResources(spec.resources);
  for (const container of spec.containers) applyContainerDefaults(container);
  for (const container of spec.initContainers ?? []) applyContainerDefaults(container);
  for (const container of spec.ephemeralContainers ?? []) applyContainerDefaults(container);
  for (const volume of spec.volumes ?? []) applyVolumeDefaults(volume);
}

function applyContainerDefaults(container: Container | EphemeralContainer): void {
  container.imagePullPolicy ??= pullPolicy(container.image ?? '');
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  roundResources(container.resources);
  for (const port of container.ports ?? []) port.protocol ??= 'TCP';
  for (const { valueFrom } of container.env ?? []) {
    defaultFieldRef(valueFrom?.fieldRef);
    if (valueFrom?.resourceFieldRef !== undefined) valueFrom.resourceFieldRef.divisor ??= '0';
  }
  defaultProbe(container.livenessProbe);
  defaultProbe(container.readinessProbe);
  defaultProbe(container.startupProbe);
  defaultHandler(container.lifecycle?.postStart);
  defaultHandler(container.lifecycle?.preStop);
}

const pullPolicy = (image: string): string => (imageTag(image) === 'latest' ? 'Always' : 'IfNotPresent');

function roundResources(resources: ResourceRequirements | undefined): void {
  if (resources === undefined) return;
  roundQuantities(resources.limits);
  roundQuantities(resources.requests);
}

function roundQuantities(quantities: Record<string, string> | undefined): void {
  if (quantities === undefined) return;
  for (const name in quantities) quantities[name] = roundedToMilli(quantities[name] as string);
}

/** A limit without a request is a request of as much. */
function requestWhatIsLimited(resources: ResourceRequirements | undefined): void {
  if (resources?.limits === undefined) return;
  const requests = (resources.requests ??= {});
  for (const name in resources.limits) requests[name] ??= resources.limits[name] as string;
}

function openHostPorts(containers: readonly Container[]): void {
  for (const { ports } of containers) for (const port of ports ?? []) if (port.containerPort !== 0) port.hostPort ??= port.containerPort;
}

function defaultProbe(probe: Probe | undefined): void {
  if (probe === undefined) return;
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc !== undefined) probe.grpc.service ??= '';
}

function defaultHandler(handler: LifecycleHandler | undefined): void {
  defaultHttpGet(handler?.httpGet);
}

function defaultHttpGet(action: HTTPGetAction | undefined): void {
  if (action === undefined) return;
  action.path ??= '/';
  action.scheme ??= 'HTTP';
}

function defaultFieldRef(ref: ObjectFieldSelector | undefined): void {
  if (ref !== undefined) ref.apiVersion ??= 'v1';
}

function applyVolumeDefaults(volume: Volume): void {
  // Only the name is there: an empty directory.
  if (Object.keys(volume).length <= 1) volume.emptyDir = {};
  if (volume.hostPath !== undefined) volume.hostPath.type ??= '';
  if (volume.configMap !== undefined) volume.configMap.defaultMode ??= FILE_MODE;
  if (volume.secret !== undefined) volume.secret.defaultMode ??= FILE_MODE;
  if (volume.image !== undefined) volume.image.pullPolicy ??= pullPolicy(volume.image.reference ?? '');
  if (volume.downwardAPI !== undefined) {
    volume.downwardAPI.defaultMode ??= FILE_MODE;
    defaultFiles(volume.downwardAPI.items);
  }
  if (volume.ephemeral?.volumeClaimTemplate !== undefined) volume.ephemeral.volumeClaimTemplate.spec.volumeMode ??= 'Filesystem';
  if (volume.projected !== undefined) {
    volume.projected.defaultMode ??= FILE_MODE;
    for (const source of volume.projected.sources) {
      if (source.serviceAccountToken !== undefined) source.serviceAccountToken.expirationSeconds ??= 3600;
      defaultFiles(source.downwardAPI?.items);
    }
  }
  defaultStorage(volume);
}

function defaultFiles(files: readonly DownwardAPIVolumeFile[] | undefined): void {
  for (const file of files ?? []) {
    defaultFieldRef(file.fieldRef);
    if (file.resourceFieldRef !== undefined) file.resourceFieldRef.divisor ??= '0';
  }
}

function defaultStorage({ iscsi, rbd, azureDisk, scaleIO }: Volume): void {
  if (iscsi !== undefined) iscsi.iscsiInterface ??= 'default';
  if (rbd !== undefined) {
    rbd.pool ??= 'rbd';
    rbd.user ??= 'admin';
    rbd.keyring ??= '/etc/ceph/keyring';
  }
  if (azureDisk !== undefined) {
    azureDisk.cachingMode ??= 'ReadWrite';
    azureDisk.kind ??= 'Shared';
    azureDisk.fsType ??= 'ext4';
    azureDisk.readOnly ??= false;
  }
  if (scaleIO !== undefined) {
    scaleIO.storageMode ??= 'ThinProvisioned';
    scaleIO.fsType ??= 'xfs';
  }
}
