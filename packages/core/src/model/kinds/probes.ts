import type { z } from 'zod';
import { described, int32, int64, intOrString, list, pointer, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';

// Probes and lifecycle handlers of containers.

const httpHeaderSchema = struct({
  name: text.default(''),
  value: text.default(''),
});
/** A header of an HTTP probe. */
export interface HTTPHeader extends z.infer<typeof httpHeaderSchema> {}
/** Schema of {@link HTTPHeader}. */
export const httpHeader: Schema<HTTPHeader> = described(httpHeaderSchema, 'A header of an HTTP probe.');

const execActionSchema = struct({
  command: list(text).optional(),
});
/** Runs a command in the container; exit code 0 is success. */
export interface ExecAction extends z.infer<typeof execActionSchema> {}
/** Schema of {@link ExecAction}. */
export const execAction: Schema<ExecAction> = described(execActionSchema, 'Runs a command in the container; exit code 0 is success.');

const httpGetActionSchema = struct({
  path: text.optional(),
  port: intOrString.default(0),
  host: text.optional(),
  scheme: text.optional(),
  httpHeaders: list(httpHeader).optional(),
});
/** Asks by HTTP; a status from 200 to 399 is success. */
export interface HTTPGetAction extends z.infer<typeof httpGetActionSchema> {}
/** Schema of {@link HTTPGetAction}. */
export const httpGetAction: Schema<HTTPGetAction> = described(httpGetActionSchema, 'Asks by HTTP; a status from 200 to 399 is success.');

const tcpSocketActionSchema = struct({
  port: intOrString.default(0),
  host: text.optional(),
});
/** Opens a TCP connection. */
export interface TCPSocketAction extends z.infer<typeof tcpSocketActionSchema> {}
/** Schema of {@link TCPSocketAction}. */
export const tcpSocketAction: Schema<TCPSocketAction> = described(tcpSocketActionSchema, 'Opens a TCP connection.');

const grpcActionSchema = struct({
  port: int32.default(0),
  service: pointer(text),
});
/** Asks the gRPC health service. */
export interface GRPCAction extends z.infer<typeof grpcActionSchema> {}
/** Schema of {@link GRPCAction}. */
export const grpcAction: Schema<GRPCAction> = described(grpcActionSchema, 'Asks the gRPC health service.');

const sleepActionSchema = struct({
  seconds: int64.default(0),
});
/** Waits. */
export interface SleepAction extends z.infer<typeof sleepActionSchema> {}
/** Schema of {@link SleepAction}. */
export const sleepAction: Schema<SleepAction> = described(sleepActionSchema, 'Waits.');

/** How a probe asks; exactly one member is set. */
export const probeHandlerFields = {
  exec: pointer(execAction),
  httpGet: pointer(httpGetAction),
  tcpSocket: pointer(tcpSocketAction),
  grpc: pointer(grpcAction),
};

const probeSchema = struct({
  ...probeHandlerFields,
  initialDelaySeconds: int32.optional(),
  timeoutSeconds: int32.optional(),
  periodSeconds: int32.optional(),
  successThreshold: int32.optional(),
  failureThreshold: int32.optional(),
  terminationGracePeriodSeconds: pointer(int64),
});
/** Asks a container periodically how it is. Times are seconds. */
export interface Probe extends z.infer<typeof probeSchema> {}
/** Schema of {@link Probe}. */
export const probe: Schema<Probe> = described(probeSchema, 'Asks a container periodically how it is. Times are seconds.');

/** How a probe asks; exactly one member is set. */
export type ProbeHandler = Pick<Probe, keyof typeof probeHandlerFields>;

const lifecycleHandlerSchema = struct({
  exec: pointer(execAction),
  httpGet: pointer(httpGetAction),
  tcpSocket: pointer(tcpSocketAction),
  sleep: pointer(sleepAction),
});
/** What to run at a moment of the life of a container; exactly one member is set. */
export interface LifecycleHandler extends z.infer<typeof lifecycleHandlerSchema> {}
/** Schema of {@link LifecycleHandler}. */
export const lifecycleHandler: Schema<LifecycleHandler> = described(lifecycleHandlerSchema, 'What to run at a moment of the life of a container; exactly one member is set.');

const lifecycleSchema = struct({
  postStart: pointer(lifecycleHandler),
  preStop: pointer(lifecycleHandler),
  stopSignal: pointer(text),
});
/** What to run after start and before stop. */
export interface Lifecycle extends z.infer<typeof lifecycleSchema> {}
/** Schema of {@link Lifecycle}. */
export const lifecycle: Schema<Lifecycle> = described(lifecycleSchema, 'What to run after start and before stop.');
