import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Pod, silentLogger, systemClock } from '@orrery/core';
import { customMetricsConformance, SUITE_METRIC } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { PrometheusMetrics } from './prometheus-metrics.js';

/** A page of the loopback device that says what `text` is. */
async function page(host: string, port: number): Promise<{ readonly server: Server; readonly port: number; text: string }> {
  const state = { text: '' };
  const server = createServer((_request, response) => void response.end(state.text));
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return Object.assign(state, { server, port: (server.address() as AddressInfo).port });
}

customMetricsConformance('of Prometheus pages', async () => {
  const hosts = [1, 2, 3].map((n) => `127.251.${process.pid & 0xff}.${n}`);
  const exporter = await page('127.0.0.1', 0);
  const first = await page(hosts[0] ?? '', 0);
  const pages = [first, await page(hosts[1] ?? '', first.port), await page(hosts[2] ?? '', first.port)];
  const pods = hosts.map((podIP, i) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${i}`, namespace: 'default' }, spec: { containers: [] }, status: { phase: 'Running', podIP } }) as unknown as Pod);
  const source = new PrometheusMetrics({
    clock: systemClock, log: silentLogger, endpoints: [{ url: new URL(`http://127.0.0.1:${exporter.port}/metrics`) }], pods: { port: first.port, path: '/metrics' }, timeoutMs: 2_000, maxBytes: 10_000, freshMs: 0,
  });
  return {
    source,
    pods,
    object: { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'main' },
    set: async ({ pods: values, object, external }) => {
      pages.forEach((one, i) => (one.text = values[`p${i}`] === undefined ? 'up 1\n' : `${SUITE_METRIC} ${values[`p${i}`]}\n`));
      // One metric cannot be both here: an object has series of its own, and external are all of a name.
      exporter.text = external.length > 0 ? external.map((value, i) => `${SUITE_METRIC}{namespace="default",ingress="main",n="${i}"} ${value}\n`).join('') : `${SUITE_METRIC}{namespace="default",ingress="main"} ${object}\n`;
    },
    cleanup: async () => {
      for (const { server } of [exporter, ...pages]) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}, { describe, it });
