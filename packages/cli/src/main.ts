#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { OrreryError, VERSION } from '@orrery/core';
import { Report } from './report.js';
import type { TokenSettings } from './token/token.js';
import { UsageError } from './usage-error.js';

const report = new Report(process.stdout, process.stderr);
const program = new Command('orrery').description('An orchestrator of your own: a Kubernetes API and its nodes, in one process.').version(VERSION).showSuggestionAfterError().exitOverride();

program
  .command('up')
  .description('Serves a cluster on this machine until it is interrupted, and writes the kubeconfig for it.')
  .option('--config <file>', 'settings as YAML, with the names of these options (kubeconfig, onExit, …); options on the command line count more')
  .option('--data <dir>', 'where everything is kept (default: ~/.orrery)')
  .option('--store <store>', 'sqlite, sqlite:FILE, memory, redis://HOST:PORT, rediss://HOST:PORT or etcd://HOST:PORT[,HOST:PORT] (default: sqlite, in the data folder)')
  .option('--runtime <runtime>', 'what containers are: process, docker or simulated (default: process)')
  .option('--proxy <proxy>', 'what Services are served by: userspace or none (default: userspace)')
  .option('--nodes <number>', 'nodes on this machine; 0 for a control plane alone (default: 1)', whole)
  .option('--node-grace <seconds>', 'after how much silence a node counts as lost (default: 50)', seconds)
  .option('--listen <host:port>', 'where the API is served; port 0 takes any (default: 127.0.0.1:6443)')
  .option('--name <name...>', 'more host names and addresses by which clients reach the API')
  .option('--kubeconfig <file>', 'where the kubeconfig of the administrator goes (default: kubeconfig in the data folder)')
  .option('--on-exit <what>', 'what becomes of the containers: leave them running, or remove them (default: remove with a memory store, else leave)')
  .option('--cert-days <days>', 'how long the certificates are good that the server and nodes get; they are renewed in time (default: 365)', days)
  .option('--audit-log <file>', 'writes down who changed what, as lines of JSON')
  .option('--otlp-endpoint <url>', 'the OpenTelemetry collector that traces are passed on to, e.g. http://127.0.0.1:4318 (default: none)')
  .option('--otlp-ratio <part>', 'which part of all traces is followed, 0 to 1 (default: 1)', part)
  .option('--oidc-issuer-url <url>', 'lets in users of an OpenID Connect provider, by their ID tokens')
  .option('--oidc-client-id <id>', 'the client of the provider whose tokens count')
  .option('--oidc-username-claim <claim>', 'the claim that is the name of the user (default: sub)')
  .option('--oidc-username-prefix <prefix>', 'before each name; - for none (default: the issuer and #, but none for email)')
  .option('--oidc-groups-claim <claim>', 'the claim with the groups of the user (default: they have none)')
  .option('--oidc-groups-prefix <prefix>', 'before each group')
  .option('--oidc-required-claim <claim=value...>', 'claims that a token must have')
  .option('--oidc-signing-algs <names>', 'how tokens may be signed, with commas (default: RS256)')
  .option('--oidc-ca-file <file>', 'the authorities by which the provider is known (default: those of the platform)')
  .option('--log <level>', 'what is told on standard error: debug, info, warn, error or none (default: warn)')
  .option('--log-format <format>', 'text or json (default: text)')
  .action(async (options: Record<string, unknown>) => {
    const [{ readSettings }, { up }] = await Promise.all([import('./up/settings.js'), import('./up/up.js')]);
    await up(await readSettings(options), report);
  });

program
  .command('agent')
  .description('Makes this machine a node of a cluster whose API is elsewhere, and runs what is bound to it, until it is interrupted.')
  .option('--config <file>', 'settings as YAML, with the names of these options; options on the command line count more')
  .option('--join <https://host:port>', 'where the API is (default: the server of the kubeconfig)')
  .option('--kubeconfig <file>', 'the credentials of the node, and whom it trusts (default: as kubectl finds it)')
  .option('--context <name>', 'context of the kubeconfig (default: the current one)')
  .option('--token <token>', 'a bootstrap token: this machine asks for credentials of its own with it (with --join and --ca-hash)')
  .option('--ca-hash <sha256:hex>', 'the authority that the API must be of, by the hash of its public key')
  .option('--name <name>', 'what the node is called (default: the name of this machine)')
  .option('--label <key=value...>', 'labels of a node that is new')
  .option('--data <dir>', 'where volumes and containers are kept (default: ~/.orrery/agent)')
  .option('--runtime <runtime>', 'what containers are: process, docker or simulated (default: process)')
  .option('--proxy <proxy>', 'what Services are served by here: userspace or none (default: userspace)')
  .option('--host-ip <address>', 'the address of the node (default: 127.0.0.1)')
  .option('--port <number>', 'where the node serves logs, commands and ports of its pods to the API server; 0 takes any (default: 10250)', whole)
  .option('--client-ca <file>', 'the authority whose certificate the API server must show for that (default: that of the API, by the kubeconfig)')
  .option('--renew <seconds>', 'how often the node says that it is there (default: 10)', seconds)
  .option('--otlp-endpoint <url>', 'the OpenTelemetry collector that traces are passed on to, e.g. http://127.0.0.1:4318 (default: none)')
  .option('--otlp-ratio <part>', 'which part of all traces is followed, 0 to 1 (default: 1)', part)
  .option('--on-exit <what>', 'what becomes of the containers: leave them running, or remove them (default: leave)')
  .option('--log <level>', 'what is told on standard error: debug, info, warn, error or none (default: warn)')
  .option('--log-format <format>', 'text or json (default: text)')
  .action(async (options: Record<string, unknown>) => {
    const [{ readAgentSettings }, { agent }] = await Promise.all([import('./agent/settings.js'), import('./agent/agent.js')]);
    await agent(await readAgentSettings(options), report);
  });

program
  .command('token')
  .description('Makes a token that machines can join with, and prints the command for them.')
  .option('--kubeconfig <file>', 'credentials that may make Secrets in kube-system (default: as kubectl finds it)')
  .option('--context <name>', 'context of the kubeconfig (default: the current one)')
  .option('--hours <number>', 'how long it is good for', whole, 24)
  .action(async (options: TokenSettings) => {
    await (await import('./token/token.js')).makeToken(options, report);
  });

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = told(error);
}

/** Tells what went wrong, and with which code the process is to end: 2 for what the user can put right on the command line. */
function told(error: unknown): number {
  // It has printed what it had to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  report.failed(error instanceof Error ? error.message : String(error));
  if (error instanceof UsageError) return 2;
  if (!OrreryError.is(error)) report.detail(error instanceof Error ? error.stack : undefined);
  return 1;
}

function whole(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function days(text: string): number {
  if (!/^\d{1,4}(\.\d{1,4})?$/.test(text)) throw new InvalidArgumentError('It must be a number of days.');
  return Number(text);
}

function seconds(text: string): number {
  if (!/^\d{1,5}(\.\d{1,3})?$/.test(text)) throw new InvalidArgumentError('It must be a number of seconds.');
  return Number(text);
}

function part(text: string): number {
  if (!/^\d(\.\d{1,6})?$/.test(text)) throw new InvalidArgumentError('It must be a number from 0 to 1.');
  return Number(text);
}
