import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { Pod } from '@orrery/core';
import { allRunning, commandPod, type OneNode, oneNode } from './cluster.js';
import { type BenchResult, fillHeap, median, rounded } from './measure.js';
import { hasPm2, withPm2 } from './pm2.js';

const SERVER = new URL('../heal-server.mjs', import.meta.url).pathname;
const ROUNDS = 7;
const BIG_HEAP_MIB = 1024;

/** `kill -9` of a serving process until its replacement accepts connections, over the same program's bare spawn-to-listening time; with a small and a big heap of the host. */
export async function healBench(): Promise<BenchResult> {
  const small = await measure();
  const ballast = fillHeap(BIG_HEAP_MIB);
  const big = await measure();
  const metrics: Record<string, number> = {
    ratioSmallHeap: rounded(small.ratio),
    ratioBigHeap: rounded(big.ratio),
    healMs: rounded(small.heal),
    bareMs: rounded(small.bare),
    healBigHeapMs: rounded(big.heal),
    heldObjects: ballast.length,
  };
  if (hasPm2()) metrics['pm2Ratio'] = rounded((await pm2Heal()) / small.bare);
  process.stdout.write(`healed in ${small.heal.toFixed(0)} ms (${big.heal.toFixed(0)} ms with a heap of 1 GiB); the program alone listens after ${small.bare.toFixed(0)} ms\n`);
  return { bench: 'heal', metrics };
}

/**
 * Each round kills a pod of its own, so that no crash loop's back-off is measured, and times the bare program right beside it.
 * The bare program is spawned by a process with a small heap and with the environment a container has: it is the program's time that counts.
 */
async function measure(): Promise<{ ratio: number; heal: number; bare: number }> {
  const node = await oneNode();
  const heals: number[] = [];
  const bares: number[] = [];
  const ratios: number[] = [];
  try {
    for (let round = 0; round <= ROUNDS; round += 1) {
      const bare = await bareListening(20_000 + round);
      const heal = await healOnce(node, `victim-${round}`);
      if (round === 0) continue;
      bares.push(bare);
      heals.push(heal);
      ratios.push(heal / bare);
    }
  } finally {
    await node.end();
  }
  return { ratio: median(ratios), heal: median(heals), bare: median(bares) };
}

async function healOnce({ orchestrator }: OneNode, name: string): Promise<number> {
  const pod = commandPod(name, [process.execPath, SERVER]);
  const env = [{ name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }, { name: 'PORT', value: '8080' }];
  const labelled = { ...pod, metadata: { ...pod.metadata, labels: { name } }, spec: { ...pod.spec, containers: pod.spec.containers.map((container) => ({ ...container, env })) } } as Pod;
  await orchestrator.client.kind(Pod).create(labelled);
  await allRunning(orchestrator, `name=${name}`, 1);
  const { status } = await orchestrator.client.kind(Pod).get({ name });
  const address = status?.podIP ?? '';
  await listening(address, 8080, true);
  const pid = listenerPid(address, 8080);
  const start = performance.now();
  process.kill(pid, 'SIGKILL');
  await listening(address, 8080, false);
  await listening(address, 8080, true);
  const took = performance.now() - start;
  await orchestrator.client.kind(Pod).delete({ name }, { gracePeriodSeconds: 0 });
  return took;
}

/** From a spawn by a process with a small heap until the program listens. */
async function bareListening(port: number): Promise<number> {
  const spawner = spawn(process.execPath, ['-e', BARE_SPAWNER], { stdio: ['pipe', 'pipe', 'inherit'] });
  await line(spawner, 'ready');
  const start = performance.now();
  spawner.stdin.write(`${port}\n`);
  await listening('127.0.0.1', port, true);
  const took = performance.now() - start;
  spawner.stdin.end();
  await new Promise((resolve) => spawner.once('exit', resolve));
  return took;
}

const BARE_SPAWNER = `
const { spawn } = require('node:child_process');
let child;
process.stdin.on('data', (text) => { child = spawn(process.execPath, [${JSON.stringify(SERVER)}], { env: { PATH: process.env.PATH, PORT: String(text).trim() }, stdio: 'ignore' }); });
process.stdin.on('end', () => { child?.once('exit', () => process.exit()); child?.kill('SIGKILL'); });
process.stdout.write('ready\\n');
`;

async function line(child: ChildProcess, text: string): Promise<void> {
  for await (const chunk of child.stdout ?? []) if (String(chunk).includes(text)) return;
}

/** Tries to connect until it succeeds (or fails), without a pause that would count. */
async function listening(host: string, port: number, wanted: boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while ((await connects(host, port)) !== wanted) {
    if (performance.now() > end) throw new Error(`${host}:${port} was never ${wanted ? 'open' : 'closed'}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** The process that listens on an address, by its inode in /proc. */
function listenerPid(host: string, port: number): number {
  const hex = host.split('.').reverse().map((part) => Number(part).toString(16).padStart(2, '0')).join('').toUpperCase();
  const row = readFileSync('/proc/net/tcp', 'utf8').split('\n').map((text) => text.trim().split(/\s+/)).find((cells) => cells[1] === `${hex}:${port.toString(16).toUpperCase().padStart(4, '0')}` && cells[3] === '0A');
  const inode = row?.[9];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (holdsSocket(pid, inode ?? '')) return Number(pid);
  }
  throw new Error(`nobody listens on ${host}:${port}`);
}

function holdsSocket(pid: string, inode: string): boolean {
  try {
    const maps = readFileSync(`/proc/${pid}/net/tcp`, 'utf8');
    return maps.includes(inode) && readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
  } catch {
    // Processes of others, or gone since the listing, are not the one.
    return false;
  }
}

/** PM2's time from SIGKILL to accepting again. */
const pm2Heal = (): Promise<number> =>
  withPm2(async (call) => {
    const port = 20_999;
    process.env['PORT'] = String(port);
    await call('start', SERVER, '--name', 'server');
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await listening('127.0.0.1', port, true);
      const pid = Number((await call('pid', 'server')).trim());
      const start = performance.now();
      process.kill(pid, 'SIGKILL');
      await listening('127.0.0.1', port, false);
      await listening('127.0.0.1', port, true);
      times.push(performance.now() - start);
    }
    return median(times);
  });
