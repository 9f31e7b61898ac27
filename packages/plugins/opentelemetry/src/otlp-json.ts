import type { SpanContext, SpanRecord } from '@orrery/core';

/** Characters of a text that is passed on, at most. */
const LONGEST = 256;
const KINDS = { internal: 1, server: 2 } as const;

/** Spans as a request to a collector: OTLP 1.x, ExportTraceServiceRequest, in its JSON form. Each component is a service of its own. Pure. */
export function otlpRequest(spans: readonly SpanRecord[], resource: Readonly<Record<string, string>>): object {
  const byComponent = new Map<string, SpanRecord[]>();
  for (const span of spans) {
    const of = byComponent.get(span.component);
    if (of === undefined) byComponent.set(span.component, [span]);
    else of.push(span);
  }
  return {
    resourceSpans: [...byComponent].map(([component, own]) => ({
      resource: { attributes: attributesOf({ ...resource, 'service.name': component }) },
      scopeSpans: [{ scope: { name: '@orrery/opentelemetry' }, spans: own.map(spanOf) }],
    })),
  };
}

function spanOf({ context, parentSpanId, name, kind = 'internal', startMs, endMs, attributes = {}, links = [], error }: SpanRecord): object {
  return {
    ...idsOf(context),
    ...(parentSpanId !== undefined && { parentSpanId }),
    name: name.slice(0, LONGEST),
    kind: KINDS[kind],
    startTimeUnixNano: nanos(startMs),
    endTimeUnixNano: nanos(Math.max(startMs, endMs)),
    attributes: attributesOf(attributes),
    ...(links.length > 0 && { links: links.map(idsOf) }),
    ...(error !== undefined && { status: { code: 2, message: error.slice(0, LONGEST) } }),
  };
}

const idsOf = ({ traceId, spanId }: SpanContext): object => ({ traceId, spanId });

/** Nanoseconds have more digits than a number: they are written as text (proto3's JSON form of 64 bits). */
const nanos = (ms: number): string => String(BigInt(Math.round(ms * 1000)) * 1000n);

function attributesOf(attributes: Readonly<Record<string, string | number | boolean>>): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

function valueOf(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value.slice(0, LONGEST) };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
