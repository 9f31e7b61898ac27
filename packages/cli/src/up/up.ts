import { mkdir } from 'node:fs/promises';
import { admissionWebhooks } from '@orrery/admission-webhooks';
import { aggregation } from '@orrery/aggregation';
import { createOrchestrator, type Logger, type Orchestrator, silentLogger, systemClock, systemRandom } from '@orrery/core';
import { httpApi } from '@orrery/http-api';
import { remoteNodes } from '@orrery/node-server';
import type { Report } from '../report.js';
import { streamLogger } from '../stream-logger.js';
import { tracesOf } from '../traces.js';
import { type Access, freshCertificates, openAccess, writeKubeconfig } from './access.js';
import { untilTold } from '../until-told.js';
import { identitiesOf } from './identities.js';
import { oidcOf } from './oidc.js';
import { partsOf } from './parts.js';
import type { UpSettings } from './settings.js';

const platform = { clock: systemClock, random: systemRandom };

/** Serves a cluster until the process is told to end (SIGINT or SIGTERM; a second time: at once) or a part of it fails. */
export async function up(settings: UpSettings, report: Report): Promise<void> {
  await mkdir(settings.data, { recursive: true, mode: 0o700 });
  const { data, listen, name, certDays, log: level, logFormat } = settings;
  const logger = level === 'none' ? silentLogger : streamLogger({ stream: process.stderr, clock: systemClock, level, format: logFormat });
  const access = await openAccess({ data, host: listen.host, names: name, days: certDays, log: logger, ...platform });
  const { orchestrator, url } = await assemble(settings, access, logger);
  const told = untilTold();
  try {
    await orchestrator.start();
    await writeKubeconfig(settings.kubeconfig, url(), access.authority);
    report.done(`the Kubernetes API is served at ${url()}`);
    report.done(`${settings.nodes === 1 ? 'one node' : `${settings.nodes} nodes`}, ${settings.runtime} runtime, ${storeTitle(settings)}`);
    report.line(`export KUBECONFIG=${settings.kubeconfig}`);
    report.line('kubectl get nodes');
    await Promise.race([told, orchestrator.finished()]);
  } finally {
    await orchestrator.stop();
  }
  report.done(settings.onExit === 'remove' ? 'stopped; containers were removed' : 'stopped; containers run on');
}

async function assemble(settings: UpSettings, access: Access, logger: Logger): Promise<{ readonly orchestrator: Orchestrator; readonly url: () => string }> {
  const { authority, nodeAuthority, serving, nodeClient, frontAuthority, frontProxy } = access;
  const { listen, data, auditLog, certDays } = settings;
  let served = '';
  const door = httpApi({ ...listen, tls: { ...serving.current(), clientCa: authority.certificate, renewed: serving }, listening: (url) => (served = url), ...(auditLog !== undefined && { audit: { path: auditLog } }) });
  const nodes = remoteNodes({ credentials: () => ({ ca: nodeAuthority.certificate, ...nodeClient.current() }) });
  const behind = aggregation({ frontProxy: { ca: frontAuthority.certificate, clientCa: authority.certificate, current: () => frontProxy.current() } });
  const orchestrator = await createOrchestrator({ plugins: [...(await partsOf(settings)), ...identitiesOf(data, access, certDays), freshCertificates(access), ...(await oidcOf(settings)), ...(await tracesOf(settings)), nodes, behind, admissionWebhooks(), door], logger });
  return { orchestrator, url: () => served.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:') };
}

const storeTitle = ({ store }: UpSettings): string => `${/^\w+/.exec(store)?.[0] ?? ''} store`;
