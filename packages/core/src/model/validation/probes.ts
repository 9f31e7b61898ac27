import { fieldError } from '../field-error.js';
import type { Lifecycle, LifecycleHandler, Probe, ProbeHandler } from '../kinds/probes.js';
import { isHttpHeaderName, isValidPortName, isValidPortNumber } from '../names.js';
import type { IntOrString } from '../int-or-percent.js';
import { invalidEach, notNegative, oneOf, required } from './checks.js';
import type { Errors } from './checks.js';

// Probes and lifecycle handlers (validateProbe, validateHandler).

/** Liveness and startup probes count one success; a readiness probe may not set a grace period of its own. */
export type ProbePurpose = 'liveness' | 'readiness' | 'startup';

/** What is wrong with a probe. `grace` is that of the pod, in seconds. */
export function checkProbe(errors: Errors, field: string, probe: Probe | undefined, purpose: ProbePurpose): void {
  if (probe === undefined) return;
  checkHandler(errors, field, probe);
  notNegative(errors, `${field}.initialDelaySeconds`, probe.initialDelaySeconds);
  notNegative(errors, `${field}.timeoutSeconds`, probe.timeoutSeconds);
  notNegative(errors, `${field}.periodSeconds`, probe.periodSeconds);
  notNegative(errors, `${field}.successThreshold`, probe.successThreshold);
  notNegative(errors, `${field}.failureThreshold`, probe.failureThreshold);
  const grace = probe.terminationGracePeriodSeconds;
  if (purpose === 'readiness') {
    if (grace !== undefined) errors.push(fieldError.invalid(`${field}.terminationGracePeriodSeconds`, grace, 'must not be set for readinessProbes'));
    return;
  }
  if (grace !== undefined && grace <= 0) errors.push(fieldError.invalid(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  if (probe.successThreshold !== 1) errors.push(fieldError.invalid(`${field}.successThreshold`, probe.successThreshold, 'must be 1'));
}

/** What is wrong with lifecycle handlers; `grace` is the pod's grace period in seconds. */
export function checkLifecycle(errors: Errors, field: string, lifecycle: Lifecycle | undefined, grace: number | undefined): void {
  if (lifecycle?.postStart !== undefined) checkHandler(errors, `${field}.postStart`, lifecycle.postStart, grace);
  if (lifecycle?.preStop !== undefined) checkHandler(errors, `${field}.preStop`, lifecycle.preStop, grace);
}

function checkHandler(errors: Errors, field: string, handler: ProbeHandler & LifecycleHandler, grace?: number): void {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  let found = 0;
  const first = (member: string): boolean => {
    found += 1;
    if (found > 1) errors.push(fieldError.forbidden(`${field}.${member}`, 'may not specify more than 1 handler type'));
    return found === 1;
  };
  if (exec !== undefined && first('exec') && (exec.command ?? []).length === 0) errors.push(fieldError.required(`${field}.exec.command`));
  if (httpGet !== undefined && first('httpGet')) {
    const at = `${field}.httpGet`;
    required(errors, `${at}.path`, httpGet.path);
    checkPort(errors, `${at}.port`, httpGet.port);
    oneOf(errors, `${at}.scheme`, httpGet.scheme, ['HTTP', 'HTTPS']);
    httpGet.httpHeaders?.forEach(({ name }) => invalidEach(errors, `${at}.httpHeaders`, name, isHttpHeaderName(name)));
  }
  if (tcpSocket !== undefined && first('tcpSocket')) checkPort(errors, `${field}.tcpSocket.port`, tcpSocket.port);
  if (grpc !== undefined && first('grpc')) invalidEach(errors, `${field}.grpc.port`, grpc.port, isValidPortNumber(grpc.port));
  if (sleep !== undefined && first('sleep')) checkSleep(errors, `${field}.sleep`, sleep.seconds, grace);
  if (found === 0) errors.push(fieldError.required(field, 'must specify a handler type'));
}

function checkSleep(errors: Errors, field: string, seconds: number, grace: number | undefined): void {
  if (grace !== undefined && (seconds < 0 || seconds > grace)) {
    errors.push(fieldError.invalid(field, seconds, `must be non-negative and less than terminationGracePeriodSeconds (${grace})`));
  }
}

/** A port by number or by name. */
export function checkPort(errors: Errors, field: string, port: IntOrString): void {
  invalidEach(errors, field, port, typeof port === 'number' ? isValidPortNumber(port) : isValidPortName(port));
}
