#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { OrreryError, VERSION } from '@orrery/core';
import { Report } from './report.js';
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
  .option('--listen <host:port>', 'where the API is served; port 0 takes any (default: 127.0.0.1:6443)')
  .option('--name <name...>', 'more host names and addresses by which clients reach the API')
  .option('--kubeconfig <file>', 'where the kubeconfig of the administrator goes (default: kubeconfig in the data folder)')
  .option('--on-exit <what>', 'what becomes of the containers: leave them running, or remove them (default: remove with a memory store, else leave)')
  .option('--log <level>', 'what is told on standard error: debug, info, warn, error or none (default: warn)')
  .option('--log-format <format>', 'text or json (default: text)')
  .action(async (options: Record<string, unknown>) => {
    const [{ readSettings }, { up }] = await Promise.all([import('./up/settings.js'), import('./up/up.js')]);
    await up(await readSettings(options), report);
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
  if (!/^\d{1,4}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}
