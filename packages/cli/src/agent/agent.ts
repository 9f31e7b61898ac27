import { mkdir } from 'node:fs/promises';
import { createOrchestrator, OrreryError, type Plugin, silentLogger, systemClock } from '@orrery/core';
import { type Connection, findConnection, remoteApi } from '@orrery/http-client';
import { userspaceProxy } from '@orrery/proxy-userspace';
import { nodeParts } from '../nodes.js';
import { joined } from './join.js';
import type { Report } from '../report.js';
import { streamLogger } from '../stream-logger.js';
import { untilTold } from '../until-told.js';
import { UsageError } from '../usage-error.js';
import type { AgentSettings } from './settings.js';

/** A lease is good for so many renewals, as the kubelet's. */
const RENEWALS = 4;

/** Makes this machine a node of a cluster whose API is elsewhere, until the process is told to end (SIGINT or SIGTERM; a second time: at once) or a part of it fails. */
export async function agent(settings: AgentSettings, report: Report): Promise<void> {
  const { log, logFormat, name, data, onExit } = settings;
  await mkdir(data, { recursive: true, mode: 0o700 });
  const connection = await connectionFor(settings);
  const logger = log === 'none' ? silentLogger : streamLogger({ stream: process.stderr, clock: systemClock, level: log, format: logFormat });
  const told = untilTold();
  const orchestrator = await createOrchestrator({ plugins: await partsOf(settings, connection), logger });
  try {
    await orchestrator.start();
    report.done(`this machine is the node ${name} of the cluster at ${connection.server}`);
    report.line(`kubectl get node ${name}`);
    await Promise.race([told, orchestrator.finished()]);
  } finally {
    await orchestrator.stop();
  }
  report.done(onExit === 'remove' ? 'stopped; containers were removed' : 'stopped; containers run on');
}

async function connectionFor({ join: server, kubeconfig, context, token, caHash, name, data }: AgentSettings): Promise<Connection> {
  try {
    if (token !== undefined && caHash !== undefined && server !== undefined) return await findConnection({ kubeconfig: await joined({ server, token, caHash, name, data }), clock: systemClock });
    const found = await findConnection({ kubeconfig, context, clock: systemClock });
    return server === undefined ? found : { ...found, server };
  } catch (error) {
    if (OrreryError.is(error, 'INVALID')) throw new UsageError(error.message);
    throw error;
  }
}

async function partsOf(settings: AgentSettings, connection: Connection): Promise<Plugin[]> {
  const { name, label, hostIp, renew, proxy } = settings;
  const node = { name, labels: label, hostIP: hostIp, renewSeconds: renew, leaseSeconds: renew * RENEWALS };
  return [remoteApi({ connection }), ...(await nodeParts({ ...settings, id: `orrery-agent-${name}` }, node)), ...(proxy === 'userspace' ? [userspaceProxy()] : [])];
}
