/**
 * Traces that follow an object from the request to where it runs, passed on to an OpenTelemetry collector.
 * @packageDocumentation
 */
import { definePlugin, SpanRecorders } from '@orrery/core';
import { z } from 'zod';
import { SpanExporter } from './span-exporter.js';

export { otlpRequest } from './otlp-json.js';
export { SpanExporter, type SpanExporterOptions } from './span-exporter.js';

const options = z.strictObject({
  /** Where the collector is, e.g. `http://127.0.0.1:4318`; `/v1/traces` is added where there is no path, as OTEL_EXPORTER_OTLP_ENDPOINT says. */
  endpoint: z.url({ protocol: /^https?$/ }),
  /** Sent with each request, e.g. a token. */
  headers: z.record(z.string(), z.string()).default({}),
  /** Which part of all traces is followed: 1 all, 0 only those that clients ask for. */
  ratio: z.number().min(0).max(1).default(1),
  /** Spans that wait at most. */
  buffer: z.int().min(1).max(100_000).default(4_096),
  /** Spans of one request at most. */
  batch: z.int().min(1).max(10_000).default(512),
  /** How long spans wait for others. */
  delaySeconds: z.number().positive().default(1),
  /** How long the collector has to take them. */
  timeoutSeconds: z.number().positive().default(5),
  /** Told of the process, e.g. `deployment.environment.name`. */
  resource: z.record(z.string(), z.string()).default({}),
});

/** Passes traces on over OTLP/HTTP in JSON. */
export const openTelemetry = definePlugin({
  name: 'opentelemetry',
  core: '^0.1.0',
  options,
  setup({ add, run, clock, log, options: { endpoint, delaySeconds, timeoutSeconds, ...rest } }) {
    const url = new URL(endpoint);
    if (url.pathname === '/') url.pathname = '/v1/traces';
    const exporter = new SpanExporter({ ...rest, url, delayMs: delaySeconds * 1000, timeoutMs: timeoutSeconds * 1000, clock, log });
    add(SpanRecorders, exporter);
    run(() => ({
      name: 'opentelemetry',
      // Before all that tells it something, and so after it when everything stops.
      phase: 'store',
      run: (signal, ready) => {
        ready();
        return exporter.run(signal);
      },
    }));
  },
});
