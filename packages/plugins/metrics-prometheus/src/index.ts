/**
 * Custom metrics for autoscalers from HTTP endpoints in Prometheus' text format.
 * @packageDocumentation
 */
import { CustomMetrics, definePlugin } from '@orrery/core';
import { z } from 'zod';
import { PrometheusMetrics } from './prometheus-metrics.js';

export { podPage, PrometheusMetrics, type Endpoint, type PrometheusOptions } from './prometheus-metrics.js';
export { readingOf, type SeriesChoice } from './reading.js';
export type { Page } from './pages.js';
export { parseMetrics, type Series } from './text-format.js';

const url = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).transform((text) => new URL(text));

const options = z
  .strictObject({
    /** Pages that know metrics of objects and external ones: of an exporter, a gateway, a Prometheus' `/federate`. */
    endpoints: z.array(z.union([url.transform((one) => ({ url: one })), z.strictObject({ url, headers: z.record(z.string(), z.string()).optional() })])).max(64).default([]),
    /** Where pods are asked that have no annotations `prometheus.io/port` and `prometheus.io/path`; without a port they are not. */
    pods: z.strictObject({ port: z.int().min(1).max(65_535).optional(), path: z.string().startsWith('/').default('/metrics') }).prefault({}),
    /** Longest wait for one page, seconds. */
    timeoutSeconds: z.number().positive().max(60).default(2),
    /** Longest page, bytes. */
    maxBytes: z.int().min(1_024).max(64 * 2 ** 20).default(4 * 2 ** 20),
    /** For how long a page that was read is good for everybody who asks, seconds. */
    freshSeconds: z.number().min(0).max(60).default(1),
  })
  .prefault({});

/** Adds a {@link PrometheusMetrics} to the sources of custom metrics. */
export const prometheusMetrics = definePlugin({
  name: 'metrics-prometheus',
  core: '^0.1.0',
  options,
  setup: ({ add, clock, log, options: { endpoints, pods, timeoutSeconds, maxBytes, freshSeconds } }) => {
    const asked = endpoints.map(({ url: page, ...rest }) => ({ url: page, ...('headers' in rest && rest.headers !== undefined && { headers: rest.headers }) }));
    add(CustomMetrics, new PrometheusMetrics({ clock, log, endpoints: asked, pods, timeoutMs: timeoutSeconds * 1000, maxBytes, freshMs: freshSeconds * 1000 }));
  },
});
