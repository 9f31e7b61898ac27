import type { ResourceRef, SpanContext, SpanRecord } from '@orrery/core';
import { stepOf } from '@orrery/core';

/** Where a client says that its request belongs to, as W3C Trace Context has it. */
export interface ClientTrace extends SpanContext {
  readonly isSampled: boolean;
}

/** Reads `traceparent`. Undefined for what is none: it counts as if it were not there. */
export function traceParent(header: string | string[] | undefined): ClientTrace | undefined {
  const [, version, traceId = '', spanId = '', flags = ''] = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/.exec(typeof header === 'string' ? header : '') ?? [];
  if (version === undefined || version === 'ff' || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  if (version === '00' && (header as string).length !== 55) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** A request that has been answered. */
export interface TracedRequest {
  readonly context: SpanContext;
  readonly client: ClientTrace | undefined;
  readonly verb: string;
  readonly ref: ResourceRef;
  readonly code: number;
  readonly auditId: string;
  readonly startMs: number;
  readonly endMs: number;
  /** What it made. */
  readonly madeUid: string | undefined;
}

/** The spans of a request: its own, in the client's trace or one of its own; and where it made an object, the first step of that, in the object's trace. Each links to the other. */
export function spansOf({ context, client, verb, ref, code, auditId, startMs, endMs, madeUid }: TracedRequest): readonly SpanRecord[] {
  const attributes = { verb, 'k8s.group': ref.group, 'k8s.resource': ref.resource, ...(ref.subresource !== undefined && { 'k8s.subresource': ref.subresource }), 'http.response.status_code': code, 'audit-id': auditId };
  const common = { component: 'kube-apiserver', startMs, endMs, attributes, ...(code >= 500 && { error: `answered with ${code}` }) };
  const request: SpanRecord = { ...common, context, ...(client !== undefined && { parentSpanId: client.spanId }), name: verb, kind: 'server', links: madeUid === undefined ? [] : [stepOf(madeUid, 'object')] };
  if (madeUid === undefined) return [request];
  return [request, { ...common, context: stepOf(madeUid, 'create'), parentSpanId: stepOf(madeUid, 'object').spanId, name: 'create', links: [context] }];
}
