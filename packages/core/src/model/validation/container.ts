import { fieldError } from '../field-error.js';
import type { Container, ContainerPort, EphemeralContainer, VolumeMount } from '../kinds/container.js';
import type { PodSpec } from '../kinds/pod-spec.js';
import { isDns1123Label, isValidPortName, isValidPortNumber } from '../names.js';
import { descendingPath, invalidEach, oneOf, oneOfIfSet, required } from './checks.js';
import type { Errors } from './checks.js';
import { checkEnv, checkEnvFrom } from './env.js';
import { checkLifecycle, checkProbe } from './probes.js';
import { checkResources } from './resources.js';
import { checkSecurityContext } from './security-context.js';

// Containers of a pod (validateContainers, validateInitContainers).

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** What is wrong with the containers of a pod, init containers included. `volumes` are the names that mounts may use. */
export function checkContainers(errors: Errors, field: string, spec: PodSpec, volumes: ReadonlySet<string>): void {
  const { containers, initContainers = [] } = spec;
  const grace = spec.terminationGracePeriodSeconds;
  if (containers.length === 0) errors.push(fieldError.required(`${field}.containers`));
  const names = new Set<string>();
  containers.forEach((container, i) => {
    const at = `${field}.containers[${i}]`;
    checkName(errors, at, container.name, names);
    checkContainer(errors, at, container, volumes);
    checkLifecycle(errors, `${at}.lifecycle`, container.lifecycle, grace);
    checkProbe(errors, `${at}.livenessProbe`, container.livenessProbe, 'liveness');
    checkProbe(errors, `${at}.readinessProbe`, container.readinessProbe, 'readiness');
    checkProbe(errors, `${at}.startupProbe`, container.startupProbe, 'startup');
  });
  checkHostPorts(errors, `${field}.containers`, containers);
  initContainers.forEach((container, i) => {
    const at = `${field}.initContainers[${i}]`;
    checkName(errors, at, container.name, names);
    checkContainer(errors, at, container, volumes);
    checkInitContainer(errors, at, container, grace);
    // Init containers run one after the other, so each is checked for conflicts only with itself.
    checkHostPorts(errors, `${field}.initContainers`, [container], i);
  });
}

/** What is wrong with a container's name; it joins `names`. */
export function checkName(errors: Errors, field: string, name: string, names: Set<string>): void {
  if (required(errors, `${field}.name`, name)) invalidEach(errors, `${field}.name`, name, isDns1123Label(name));
  if (name === '') return;
  if (names.has(name)) errors.push(fieldError.duplicate(`${field}.name`, name));
  names.add(name);
}

/** What every kind of container is checked for. */
export function checkContainer(errors: Errors, field: string, container: Container | EphemeralContainer, volumes: ReadonlySet<string>): void {
  required(errors, `${field}.image`, container.image);
  oneOfIfSet(errors, `${field}.restartPolicy`, container.restartPolicy, ['Always', 'Never', 'OnFailure']);
  if (container.terminationMessagePolicy !== 'File' && container.terminationMessagePolicy !== 'FallbackToLogsOnError') {
    errors.push(fieldError.invalid(`${field}.terminationMessagePolicy`, container.terminationMessagePolicy, "must be 'File' or 'FallbackToLogsOnError'"));
  }
  if (container.ports !== undefined) checkPorts(errors, `${field}.ports`, container.ports);
  if (container.env !== undefined) checkEnv(errors, `${field}.env`, container.env);
  if (container.envFrom !== undefined) checkEnvFrom(errors, `${field}.envFrom`, container.envFrom);
  if (container.volumeMounts !== undefined) checkMounts(errors, `${field}.volumeMounts`, container, container.volumeMounts, volumes);
  oneOf(errors, `${field}.imagePullPolicy`, container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never']);
  checkResources(errors, `${field}.resources`, container.resources);
  container.resizePolicy?.forEach(({ resourceName, restartPolicy }, i) => {
    oneOf(errors, `${field}.resizePolicy[${i}].resourceName`, resourceName, ['cpu', 'memory']);
    oneOf(errors, `${field}.resizePolicy[${i}].restartPolicy`, restartPolicy, ['NotRequired', 'RestartContainer']);
  });
  checkSecurityContext(errors, `${field}.securityContext`, container.securityContext);
}

/** Only an init container that keeps running (a sidecar) has probes and handlers. */
function checkInitContainer(errors: Errors, field: string, container: Container, grace: number | undefined): void {
  const { restartPolicy } = container;
  if (restartPolicy === 'Always') {
    checkLifecycle(errors, `${field}.lifecycle`, container.lifecycle, grace);
    checkProbe(errors, `${field}.livenessProbe`, container.livenessProbe, 'liveness');
    checkProbe(errors, `${field}.readinessProbe`, container.readinessProbe, 'readiness');
    checkProbe(errors, `${field}.startupProbe`, container.startupProbe, 'startup');
    return;
  }
  for (const member of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[member] !== undefined) errors.push(fieldError.forbidden(`${field}.${member}`, 'may not be set for init containers without restartPolicy=Always'));
  }
}

function checkPorts(errors: Errors, field: string, ports: readonly ContainerPort[]): void {
  const names = new Set<string>();
  ports.forEach(({ name = '', containerPort, hostPort = 0, protocol }, i) => {
    const at = `${field}[${i}]`;
    if (name !== '') {
      const wrong = isValidPortName(name);
      invalidEach(errors, `${at}.name`, name, wrong);
      if (wrong.length === 0 && names.has(name)) errors.push(fieldError.duplicate(`${at}.name`, name));
      names.add(name);
    }
    if (containerPort === 0) errors.push(fieldError.required(`${at}.containerPort`));
    else invalidEach(errors, `${at}.containerPort`, containerPort, isValidPortNumber(containerPort));
    if (hostPort !== 0) invalidEach(errors, `${at}.hostPort`, hostPort, isValidPortNumber(hostPort));
    oneOf(errors, `${at}.protocol`, protocol, PROTOCOLS);
  });
}

function checkHostPorts(errors: Errors, field: string, containers: readonly Container[], offset = 0): void {
  const taken = new Set<string>();
  containers.forEach(({ ports = [] }, i) =>
    ports.forEach(({ hostPort = 0, hostIP = '', protocol }, j) => {
      if (hostPort === 0) return;
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (taken.has(key)) errors.push(fieldError.duplicate(`${field}[${i + offset}].ports[${j}].hostPort`, key));
      taken.add(key);
    }),
  );
}

function checkMounts(errors: Errors, field: string, container: Pick<Container, 'securityContext'>, mounts: readonly VolumeMount[], volumes: ReadonlySet<string>): void {
  const paths = new Set<string>();
  mounts.forEach((mount, i) => {
    const at = `${field}[${i}]`;
    required(errors, `${at}.name`, mount.name);
    if (!volumes.has(mount.name)) errors.push(fieldError.notFound(`${at}.name`, mount.name));
    required(errors, `${at}.mountPath`, mount.mountPath);
    if (paths.has(mount.mountPath)) errors.push(fieldError.invalid(`${at}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    if (mount.subPath !== undefined) descendingPath(errors, `${at}.subPath`, mount.subPath);
    if (mount.subPathExpr !== undefined) {
      if (mount.subPath !== undefined) errors.push(fieldError.invalid(`${at}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
      descendingPath(errors, `${at}.subPathExpr`, mount.subPathExpr);
    }
    const { mountPropagation } = mount;
    if (mountPropagation === 'Bidirectional' && container.securityContext?.privileged !== true) {
      errors.push(fieldError.forbidden(`${field}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers'));
    }
    oneOfIfSet(errors, `${field}.mountPropagation`, mountPropagation, ['Bidirectional', 'HostToContainer', 'None']);
    checkRecursiveReadOnly(errors, `${at}.recursiveReadOnly`, mount);
  });
}

function checkRecursiveReadOnly(errors: Errors, field: string, { recursiveReadOnly, readOnly, mountPropagation = 'None' }: VolumeMount): void {
  oneOfIfSet(errors, field, recursiveReadOnly, ['Disabled', 'Enabled', 'IfPossible']);
  if (recursiveReadOnly !== 'Enabled' && recursiveReadOnly !== 'IfPossible') return;
  if (readOnly !== true) errors.push(fieldError.forbidden(field, 'may only be specified when readOnly is true'));
  if (mountPropagation !== 'None') errors.push(fieldError.forbidden(field, 'may only be specified when mountPropagation is None or not specified'));
}
