import { mkdir, readFile } from 'node:fs/promises';
import { createOrchestrator, type Logger, OrreryError, type Plugin, silentLogger, systemClock } from '@orrery/core';
import { type Connection, findConnection, remoteApi } from '@orrery/http-client';
import { nodeServer } from '@orrery/node-server';
import { userspaceProxy } from '@orrery/proxy-userspace';
import { nodeParts } from '../nodes.js';
import { joined } from './join.js';
import { NodeCertificates } from './node-certificates.js';
import type { Report } from '../report.js';
import { streamLogger } from '../stream-logger.js';
import { tracesOf } from '../traces.js';
import { untilTold } from '../until-told.js';
import { UsageError } from '../usage-error.js';
import type { AgentSettings } from './settings.js';

/** A lease is good for so many renewals, as the kubelet's. */
const RENEWALS = 4;

/** Makes this machine a node of a cluster whose API is elsewhere, until the process is told to end (SIGINT or SIGTERM; a second time: at once) or a part of it fails. */
export async function agent(settings: AgentSettings, report: Report): Promise<void> {
  const { log, logFormat, name, data, onExit } = settings;
  await mkdir(data, { recursive: true, mode: 0o700 });
  const line = await lineFor(settings);
  const logger = log === 'none' ? silentLogger : streamLogger({ stream: process.stderr, clock: systemClock, level: log, format: logFormat });
  const told = untilTold();
  const orchestrator = await createOrchestrator({ plugins: await partsOf(settings, line, logger), logger });
  try {
    await orchestrator.start();
    report.done(`this machine is the node ${name} of the cluster at ${line.connection.server}`);
    report.line(`kubectl get node ${name}`);
    await Promise.race([told, orchestrator.finished()]);
  } catch (error) {
    if (OrreryError.is(error) && OrreryError.is(error.cause, 'IN_USE')) throw new UsageError(`--port: ${error.cause.message} Another agent of this machine may have it: name another port, or 0 for any.`);
    throw error;
  } finally {
    await orchestrator.stop();
  }
  report.done(onExit === 'remove' ? 'stopped; containers were removed' : 'stopped; containers run on');
}

/** How the API is reached. */
interface Line {
  readonly connection: Connection;
  /** The file of the credentials that this agent was given for itself, and renews. */
  readonly own?: string;
}

async function lineFor({ join: server, kubeconfig, context, token, caHash, name, data }: AgentSettings): Promise<Line> {
  try {
    if (token !== undefined && caHash !== undefined && server !== undefined) {
      const own = await joined({ server, token, caHash, name, data });
      // The cluster may have moved since.
      return { connection: { ...(await findConnection({ kubeconfig: own, clock: systemClock })), server }, own };
    }
    const found = await findConnection({ kubeconfig, context, clock: systemClock });
    return { connection: server === undefined ? found : { ...found, server } };
  } catch (error) {
    if (OrreryError.is(error, 'INVALID')) throw new UsageError(error.message);
    throw error;
  }
}

async function partsOf(settings: AgentSettings, { connection, own }: Line, log: Logger): Promise<Plugin[]> {
  const { name, label, hostIp, renew, proxy, port } = settings;
  const { ca = '', cert = '', key = '' } = connection.tls;
  const certificates = new NodeCertificates({ name, hostIp, log, ...(own !== undefined && { own: { file: own, server: connection.server, ca, known: { cert, key } } }) });
  const { client } = certificates;
  const { cert: _cert, key: _key, ...tls } = connection.tls;
  const line = client === undefined ? connection : { ...connection, tls: { ...tls, certificate: client } };
  let taken: number | undefined;
  const clientCa = await clientCaOf(settings, connection);
  const server = clientCa === undefined ? [] : [nodeServer({ node: name, host: hostIp, port, certificate: certificates.serving, clientCa, listening: (at) => (taken = at) }), certificates.plugin()];
  const node = { name, labels: label, hostIP: hostIp, renewSeconds: renew, leaseSeconds: renew * RENEWALS, serverPort: () => taken };
  return [remoteApi({ connection: line }), ...(await nodeParts({ ...settings, id: `orrery-agent-${name}` }, node)), ...server, ...(await tracesOf(settings)), ...(proxy === 'userspace' ? [userspaceProxy()] : [])];
}

/** Whom the server of the node lets in; undefined: it has none, as there is nobody to trust. */
async function clientCaOf({ clientCa }: AgentSettings, { tls: { ca } }: Connection): Promise<string | undefined> {
  if (clientCa === undefined) return ca;
  try {
    return await readFile(clientCa, 'utf8');
  } catch (error) {
    throw new UsageError(`--client-ca ${clientCa}: ${(error as Error).message}`);
  }
}
