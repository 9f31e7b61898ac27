import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@orrery/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assemble } from './machine-code.js';
import { pauseProgram } from './pause-program.js';
import { tarOf } from './tar.js';

const never = new AbortController().signal;
const native = process.arch === 'x64' ? 'amd64' : process.arch;
const linux = process.platform === 'linux' && ['amd64', 'arm64'].includes(native);

describe.skipIf(!linux)(`the sandbox program${linux ? '' : ' (skipped: made for Linux on amd64 and arm64)'}`, () => {
  let folder: string;
  let program: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pause-'));
    program = join(folder, 'pause');
    writeFileSync(program, pauseProgram(native));
    chmodSync(program, 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Starts it and waits until it waits. */
  async function start(command = program, args: string[] = []) {
    const child = spawn(command, args, { stdio: 'ignore' });
    const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
    const pid = child.pid as number;
    // It sleeps in one place only.
    const asleep = (): boolean => readFileSync(`/proc/${pid}/stat`, 'utf8').includes('(pause) S');
    for (let tries = 0; tries < 500 && !asleep() && child.exitCode === null; tries += 1) await systemClock.sleep(5, never);
    return { child, ended, pid };
  }

  it.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 at %s', async (signal) => {
    const { child, ended } = await start();
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
  });

  it('waits without using the processor, through signals that are not for it', async () => {
    const { child, ended, pid } = await start();
    child.kill('SIGSTOP');
    child.kill('SIGCONT');
    child.kill('SIGCHLD');
    child.kill('SIGWINCH');
    await systemClock.sleep(50, never);
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    expect(fields[0]).toBe('S');
    expect(Number(fields[11]) + Number(fields[12])).toBeLessThanOrEqual(1);
    child.kill('SIGKILL');
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  it('collects children that it inherits', async () => {
    // A shell leaves two children, one of which has ended, and becomes the program.
    const { child, ended, pid } = await start('/bin/sh', ['-c', `sh -c 'exit 3' & sleep 0.3 & exec ${program}`]);
    const children = (): string => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    for (let tries = 0; tries < 500 && children() !== ''; tries += 1) await systemClock.sleep(10, never);
    expect(children()).toBe('');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});

describe('pauseProgram', () => {
  it('refuses machines it cannot speak to', () => {
    expect(() => pauseProgram('riscv64')).toThrow(/UNSUPPORTED/);
    expect(() => pauseProgram('constructor')).toThrow(/UNSUPPORTED/);
  });

  it('makes for arm64 the same system calls as for amd64, instruction by instruction', () => {
    // wait4 tells one child, then none; the first signal is a child's end, the second asks to end.
    const results = [0, 77, 0, 17, -10, 15];
    const { calls, exit } = runArm64(pauseProgram('arm64'), results);
    expect(calls).toEqual([
      [135, 0, 'signals', 0, 8],
      [260, -1, 0, 1, 0],
      [260, -1, 0, 1, 0],
      [137, 'signals', 0, 0, 8],
      [260, -1, 0, 1, 0],
      [137, 'signals', 0, 0, 8],
    ]);
    expect(exit).toBe(0);
  });
});

/** Runs the few instructions of the arm64 program; system calls give the next of the results. */
function runArm64(file: Uint8Array, results: number[]): { calls: (number | string)[][]; exit: number } {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  expect(view.getUint16(18, true)).toBe(183);
  const base = Number(view.getBigUint64(64 + 16, true));
  const signals = base + file.length - 8;
  expect(view.getBigUint64(file.length - 8, true)).toBe(0x14002n);
  const x: number[] = [];
  const calls: (number | string)[][] = [];
  let compared = 0;
  const signed = (value: number, bits: number): number => (value << (32 - bits)) >> (32 - bits);
  for (let pc = Number(view.getBigUint64(24, true)), steps = 0; steps < 200; steps += 1) {
    const code = view.getUint32(pc - base, true);
    const rd = code & 31;
    let next = pc + 4;
    if ((code & 0xffe00000) >>> 0 === 0xd2800000) x[rd] = (code >>> 5) & 0xffff;
    else if ((code & 0xffe00000) >>> 0 === 0x92800000) x[rd] = ~((code >>> 5) & 0xffff);
    else if ((code & 0x9f000000) >>> 0 === 0x10000000) x[rd] = pc + ((signed((code >>> 5) & 0x7ffff, 19) << 2) | ((code >>> 29) & 3));
    else if ((code & 0xffc003ff) >>> 0 === 0xf100001f) compared = (x[0] as number) - ((code >>> 10) & 0xfff);
    else if ((code & 0xff000010) >>> 0 === 0x54000000) next = ((code & 15) === 12 ? compared > 0 : compared === 0) ? pc + signed((code >>> 5) & 0x7ffff, 19) * 4 : next;
    else if ((code & 0xfc000000) >>> 0 === 0x14000000) next = pc + signed(code & 0x3ffffff, 26) * 4;
    else if (code === 0xd4000001) {
      if (x[8] === 94) return { calls, exit: x[0] as number };
      calls.push([x[8] as number, ...x.slice(0, 4).map((value) => (value === signals ? 'signals' : value))]);
      x[0] = results.shift() ?? 15;
    } else throw new Error(`instruction ${code.toString(16)}`);
    pc = next;
  }
  throw new Error('it does not end');
}

describe('assemble', () => {
  it('refuses a label that is not set, and a jump of another length', () => {
    expect(() => assemble((code) => code.toLabel('nowhere', 1, () => [0]))).toThrow(/nowhere/);
    expect(() => assemble((code) => (code.label('here'), code.toLabel('here', 1, () => [0, 0])))).toThrow(/2 bytes/);
  });
});

describe('tarOf', () => {
  it('makes what tar reads, always the same', () => {
    const entries = [{ name: 'folder/', mode: 0o755 }, { name: 'folder/file', mode: 0o640, content: Buffer.from('content') }];
    const archive = tarOf(entries);
    expect(tarOf(entries)).toEqual(archive);
    expect(archive.length % 512).toBe(0);
    const told = execFileSync('tar', ['-tvf', '-', '--numeric-owner', '--full-time', '--utc'], { input: archive, encoding: 'utf8' });
    expect(told.split('\n').map((line) => line.replace(/\s+/g, ' '))).toEqual(['drwxr-xr-x 0/0 0 1970-01-01 00:00:00 folder/', '-rw-r----- 0/0 7 1970-01-01 00:00:00 folder/file', '']);
    expect(execFileSync('tar', ['-xOf', '-', 'folder/file'], { input: archive, encoding: 'utf8' })).toBe('content');
  });

  it('refuses names that do not fit', () => {
    expect(() => tarOf([{ name: 'x'.repeat(101), mode: 0o644 }])).toThrow(/INVALID/);
    expect(() => tarOf([{ name: 'ü', mode: 0o644 }])).toThrow(/INVALID/);
  });
});
