import type { z } from 'zod';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { atomicStruct, described, int32, list, pointer, struct, text } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { ingressClassColumns, ingressColumns } from '../table/networking-columns.js';
import { validateIngress, validateIngressClass, validateIngressClassUpdate, validateIngressStatus, validateIngressUpdate } from '../validation/ingress.js';

const serviceBackendPortSchema = atomicStruct({
  name: text.optional(),
  number: int32.optional(),
});
/** A port of a Service, by name or by number. */
export interface ServiceBackendPort extends z.infer<typeof serviceBackendPortSchema> {}
/** Schema of {@link ServiceBackendPort}. */
export const serviceBackendPort: Schema<ServiceBackendPort> = described(serviceBackendPortSchema, 'A port of a Service, by name or by number.');

const ingressServiceBackendSchema = struct({
  name: text.default(''),
  port: serviceBackendPort.optional(),
});
/** A Service that requests go to. */
export interface IngressServiceBackend extends z.infer<typeof ingressServiceBackendSchema> {}
/** Schema of {@link IngressServiceBackend}. */
export const ingressServiceBackend: Schema<IngressServiceBackend> = described(ingressServiceBackendSchema, 'A Service that requests go to.');

const ingressResourceSchema = atomicStruct({
  apiGroup: pointer(text),
  kind: text.default(''),
  name: text.default(''),
});
/** An object of the same namespace that requests go to. */
export interface IngressResource extends z.infer<typeof ingressResourceSchema> {}
/** Schema of {@link IngressResource}. */
export const ingressResource: Schema<IngressResource> = described(ingressResourceSchema, 'An object of the same namespace that requests go to.');

const ingressBackendSchema = struct({
  service: pointer(ingressServiceBackend),
  resource: pointer(ingressResource),
});
/** Where requests go: a Service or another object. */
export interface IngressBackend extends z.infer<typeof ingressBackendSchema> {}
/** Schema of {@link IngressBackend}. */
export const ingressBackend: Schema<IngressBackend> = described(ingressBackendSchema, 'Where requests go: a Service or another object.');

const httpIngressPathSchema = struct({
  path: text.optional(),
  pathType: pointer(text),
  backend: ingressBackend,
});
/** Which paths go where. */
export interface HTTPIngressPath extends z.infer<typeof httpIngressPathSchema> {}
/** Schema of {@link HTTPIngressPath}. */
export const httpIngressPath: Schema<HTTPIngressPath> = described(httpIngressPathSchema, 'Which paths go where.');

const httpIngressRuleValueSchema = struct({
  paths: list(httpIngressPath),
});
/** The paths of a host. */
export interface HTTPIngressRuleValue extends z.infer<typeof httpIngressRuleValueSchema> {}
/** Schema of {@link HTTPIngressRuleValue}. */
export const httpIngressRuleValue: Schema<HTTPIngressRuleValue> = described(httpIngressRuleValueSchema, 'The paths of a host.');

const ingressRuleSchema = struct({
  host: text.optional(),
  http: pointer(httpIngressRuleValue),
});
/** A host and where its paths go. */
export interface IngressRule extends z.infer<typeof ingressRuleSchema> {}
/** Schema of {@link IngressRule}. */
export const ingressRule: Schema<IngressRule> = described(ingressRuleSchema, 'A host and where its paths go.');

const ingressTLSSchema = struct({
  hosts: list(text).optional(),
  secretName: text.optional(),
});
/** The certificate of some hosts. */
export interface IngressTLS extends z.infer<typeof ingressTLSSchema> {}
/** Schema of {@link IngressTLS}. */
export const ingressTLS: Schema<IngressTLS> = described(ingressTLSSchema, 'The certificate of some hosts.');

const ingressSpecSchema = struct({
  ingressClassName: pointer(text),
  defaultBackend: pointer(ingressBackend),
  tls: list(ingressTLS).optional(),
  rules: list(ingressRule).optional(),
});
/** Which requests from outside go to which Services. */
export interface IngressSpec extends z.infer<typeof ingressSpecSchema> {}
/** Schema of {@link IngressSpec}. */
export const ingressSpec: Schema<IngressSpec> = described(ingressSpecSchema, 'Which requests from outside go to which Services.');

const ingressPortStatusSchema = struct({
  port: int32.default(0),
  protocol: text.default(''),
  error: pointer(text),
});
/** What became of a port of a load balancer. */
export interface IngressPortStatus extends z.infer<typeof ingressPortStatusSchema> {}
/** Schema of {@link IngressPortStatus}. */
export const ingressPortStatus: Schema<IngressPortStatus> = described(ingressPortStatusSchema, 'What became of a port of a load balancer.');

const ingressLoadBalancerIngressSchema = struct({
  ip: text.optional(),
  hostname: text.optional(),
  ports: list(ingressPortStatus).optional(),
});
/** Where an Ingress is reached. */
export interface IngressLoadBalancerIngress extends z.infer<typeof ingressLoadBalancerIngressSchema> {}
/** Schema of {@link IngressLoadBalancerIngress}. */
export const ingressLoadBalancerIngress: Schema<IngressLoadBalancerIngress> = described(ingressLoadBalancerIngressSchema, 'Where an Ingress is reached.');

const ingressStatusSchema = struct({
  loadBalancer: struct({ ingress: list(ingressLoadBalancerIngress).optional() }).optional(),
});
/** Where an Ingress is reached. */
export interface IngressStatus extends z.infer<typeof ingressStatusSchema> {}
/** Schema of {@link IngressStatus}. */
export const ingressStatus: Schema<IngressStatus> = described(ingressStatusSchema, 'Where an Ingress is reached.');

/** Rules for requests from outside (networking.k8s.io/v1). Orrery keeps them; a controller of the host's, or a real ingress controller, acts on them. */
export interface Ingress extends KubeObject {
  spec: IngressSpec;
  status?: IngressStatus | undefined;
}
/** The kind {@link Ingress}. */
export const Ingress: KindDefinition<Ingress> = buildKind<Ingress>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'Ingress',
  description: 'Rules for requests from outside. Orrery keeps them; a controller of the host\'s, or a real ingress controller, acts on them.',
  plural: 'ingresses',
  shortNames: ['ing'],
  spec: ingressSpec,
  status: ingressStatus,
  columns: ingressColumns,
  rules: { validate: validateIngress, validateUpdate: validateIngressUpdate, validateStatusUpdate: validateIngressStatus },
});

const ingressClassParametersSchema = struct({
  apiGroup: pointer(text),
  kind: text.default(''),
  name: text.default(''),
  scope: pointer(text),
  namespace: pointer(text),
});
/** An object with more settings of a class. */
export interface IngressClassParameters extends z.infer<typeof ingressClassParametersSchema> {}
/** Schema of {@link IngressClassParameters}. */
export const ingressClassParameters: Schema<IngressClassParameters> = described(ingressClassParametersSchema, 'An object with more settings of a class.');

const ingressClassSpecSchema = struct({
  controller: text.optional(),
  parameters: pointer(ingressClassParameters),
});
/** Which controller serves a class. */
export interface IngressClassSpec extends z.infer<typeof ingressClassSpecSchema> {}
/** Schema of {@link IngressClassSpec}. */
export const ingressClassSpec: Schema<IngressClassSpec> = described(ingressClassSpecSchema, 'Which controller serves a class.');

/** Who serves which Ingresses (networking.k8s.io/v1). */
export interface IngressClass extends KubeObject {
  spec: IngressClassSpec;
}
/** The kind {@link IngressClass}. */
export const IngressClass: KindDefinition<IngressClass> = buildKind<IngressClass>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  description: 'Who serves which Ingresses.',
  plural: 'ingressclasses',
  namespaced: false,
  spec: ingressClassSpec,
  columns: ingressClassColumns,
  rules: {
    applyDefaults: ({ spec: { parameters } }) => {
      if (parameters !== undefined) parameters.scope ??= 'Cluster';
    },
    validate: validateIngressClass,
    validateUpdate: validateIngressClassUpdate,
  },
});
