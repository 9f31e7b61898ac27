/**
 * The Kubernetes API over HTTP: for kubectl and the client libraries, unmodified.
 * @packageDocumentation
 */
import type { RequestListener } from 'node:http';
import { ApiDocuments, Authenticators, type Authorizer, Authorizers, type CertificateSource, Collectors, definePlugin, ForwardedGroups, firstOpinion, type LiveList, MetricsSources, PodStreams, RemoteNodes, ServedKinds, Subresources, Tracer, Transport, untilAborted } from '@orrery/core';
import type { UpgradeListener } from '@orrery/stream-channels';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { anyOf, type Authenticator, clientCertificates, staticTokens } from './authenticators.js';
import { everybodyKnown } from './authorizer.js';
import { auditOptions, auditorOf } from './audit/options.js';
import { HttpApi } from './http-api.js';
import { Listener } from './listener.js';
import { PrometheusInstruments } from './prometheus-instruments.js';

export { type Authenticator, type Credentials, clientCertificates, type StaticToken, staticTokens } from './authenticators.js';
export { type Attributes, type Authorizer, type Decision, everybodyKnown } from './authorizer.js';
export { HttpApi, type HttpApiOptions } from './http-api.js';
export type { RateLimits } from './fairness/gate.js';
export type { Rate } from './fairness/token-buckets.js';
export { DEFAULT_LIMITS, type HttpLimits } from './limits.js';
export { Listener, type ListenOptions, type TlsOptions } from './listener.js';
export { Auditor, type AuditorOptions } from './audit/auditor.js';
export type { AuditEvent, AuditStage } from './audit/event.js';
export { type AuditSink, FileLog, type FileLogOptions } from './audit/file-log.js';
export { auditLevel, type AuditLevel, type AuditPolicy, type AuditResources, type AuditRule, DEFAULT_AUDIT_POLICY } from './audit/policy.js';
export type { UpgradeListener } from '@orrery/stream-channels';

/** Takes the handlers into a server of the host: of requests, and of its event `upgrade`, without which commands and ports are not served. What it returns takes them out again. */
export type Mount = (handle: RequestListener, upgrade: UpgradeListener) => (() => void) | void;

const pem = z.union([z.string(), z.instanceof(Buffer)]);
const positive = z.int().positive();
const rate = z.strictObject({ perSecond: z.number().positive(), burst: z.number().min(1) });

const options = z
  .strictObject({
    /** Where to listen. */
    host: z.string().default('127.0.0.1'),
    /** 0: any free port; see `listening`. */
    port: z.int().min(0).max(65_535).default(6443),
    /** Certificates; without them it is plain HTTP, over which kubectl sends no tokens. */
    tls: z.strictObject({ key: pem, cert: pem, clientCa: pem.optional(), renewed: z.custom<CertificateSource>((value) => typeof (value as CertificateSource | undefined)?.changed === 'function').optional() }).optional(),
    /** Called with the URL when it is served. */
    listening: z.custom<(url: string) => void>((value) => typeof value === 'function').optional(),
    /** Instead of listening: takes the handler into a server of the host. */
    mount: z.custom<Mount>((value) => typeof value === 'function').optional(),
    /** Where it is mounted. */
    basePath: z.string().regex(/^(\/[\w.-]+)*$/, 'must be like /k8s').default(''),
    /** Tokens that are known beforehand, and whom each stands for. */
    tokens: z.array(z.strictObject({ token: z.string().min(16), user: z.string().min(1), uid: z.string().optional(), groups: z.array(z.string()).default([]) })).default([]),
    /** More ways of telling who asks. */
    authenticators: z.array(z.custom<Authenticator>((value) => typeof (value as Authenticator | undefined)?.authenticate === 'function')).default([]),
    /** Who may do what, asked before those of plugins; default, where no plugin says it either: everybody who is known may do everything. */
    authorizer: z.custom<Authorizer>((value) => typeof (value as Authorizer | undefined)?.authorize === 'function').optional(),
    /** Whether clients without credentials are let in, as `system:anonymous`. */
    anonymous: z.boolean().default(false),
    /** Writes requests down, in a file or in a place of one's own. */
    audit: auditOptions.optional(),
    limits: z
      .strictObject({
        bodyBytes: positive,
        bodyBytesInFlight: positive,
        bodyDepth: positive.max(200),
        requests: positive,
        queueLength: positive,
        queueMs: positive.max(2 ** 31 - 1),
        watches: positive,
        watchesPerUser: positive,
        watchBacklog: positive,
        streams: positive,
        streamsPerUser: positive,
        streamIdleMs: positive.max(2 ** 31 - 1),
        headersMs: positive,
        bodyMs: positive,
        answerMs: positive,
        stallMs: positive,
        drainMs: positive,
        connections: positive,
      })
      .partial()
      .default({}),
    /** How often clients may ask. */
    rates: z.strictObject({ user: rate.optional(), events: z.strictObject({ server: rate.optional(), namespace: rate.optional(), user: rate.optional() }).optional() }).default({}),
  })
  .prefault({});

/** Serves the Kubernetes API over HTTP, on an address of its own or in a server of the host. The front door: it opens last and closes first. */
export const httpApi = definePlugin({
  name: 'http-api',
  core: '^0.1.0',
  options,
  setup: ({ add, run, scope, clock, random, log, options: given }) => {
    const registry = new Registry();
    add(Collectors, new PrometheusInstruments(registry));
    const { host, port, tls, listening, mount, basePath, tokens, authorizer, anonymous } = given;
    const auditor = given.audit && auditorOf(given.audit, { clock, log });
    if (auditor !== undefined) scope.defer(() => auditor.close());
    run((get) => {
      const added = get(Authenticators);
      const authenticators = [...(tls?.clientCa === undefined ? [] : [clientCertificates()]), ...(tokens.length === 0 ? [] : [staticTokens(tokens.map(withoutAbsent))]), ...given.authenticators, anyOf('plugins', () => added.items())];
      const limits = withoutAbsent(given.limits);
      const rates = withoutAbsent({ ...given.rates, events: given.rates.events && withoutAbsent(given.rates.events) });
      const api = new HttpApi({ transport: get(Transport), kinds: get(ServedKinds), clock, random, log, authenticators, authorizer: authorizerOf(authorizer, get(Authorizers)), anonymous, basePath, limits, rates, registry, tracer: get(Tracer), subresources: get(Subresources), documents: get(ApiDocuments), streams: get(PodStreams), remoteNodes: get(RemoteNodes), forwarded: get(ForwardedGroups), metrics: get(MetricsSources), ...(auditor !== undefined && { audit: auditor.audit }) });
      return {
        name: 'http-api',
        phase: 'api',
        run: async (signal, ready) => {
          if (mount !== undefined) {
            const unmount = mount(api.handle, api.upgrade);
            try {
              ready();
              await untilAborted(signal);
            } finally {
              await api.drain();
              unmount?.();
            }
            return;
          }
          const listener = new Listener(api, tls === undefined ? undefined : withoutAbsent(tls), api.limits, log);
          const { port: taken } = await listener.listen({ host, port });
          try {
            const url = `http${tls === undefined ? '' : 's'}://${host.includes(':') ? `[${host}]` : host}:${taken}${basePath}`;
            log.info('the Kubernetes API is served', { url });
            listening?.(url);
            ready();
            await untilAborted(signal);
          } finally {
            await listener.close(api.drain());
          }
        },
      };
    });
  },
});

/** The option is asked first, then those of plugins. Where there is neither everybody who is known may do everything; once there is one, that is over, also if it goes again. */
function authorizerOf(own: Authorizer | undefined, added: LiveList<Authorizer>): Authorizer {
  let isOpen = own === undefined;
  return firstOpinion(() => {
    const items = added.items();
    isOpen &&= items.length === 0;
    if (isOpen) return [everybodyKnown];
    return own === undefined ? items : [own, ...items];
  });
}

/** An object without the keys that are undefined. */
function withoutAbsent<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}
