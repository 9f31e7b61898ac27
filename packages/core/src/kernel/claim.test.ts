import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { claimName } from './claim.js';

describe.runIf(process.platform === 'linux')('a name', () => {
  const name = `orrery-claim-test-${process.pid}`;

  it('has one holder, until that lets go', async () => {
    const first = await claimName(name);
    expect(first?.name).toBe(name);
    expect(await claimName(name)).toBeUndefined();
    expect(await claimName(`${name}-other`).then(async (other) => (await other?.[Symbol.asyncDispose](), other?.name))).toBe(`${name}-other`);
    await first?.[Symbol.asyncDispose]();
    await first?.[Symbol.asyncDispose]();
    const second = await claimName(name);
    expect(second).toBeDefined();
    await second?.[Symbol.asyncDispose]();
  });

  it('is free again when its holder is killed', async () => {
    const script = `require('net').createServer().listen('\\0${name}', () => console.log('held'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    expect(await claimName(name)).toBeUndefined();
    child.kill('SIGKILL');
    await once(child, 'exit');
    const claim = await claimName(name);
    expect(claim).toBeDefined();
    await claim?.[Symbol.asyncDispose]();
  });
});

it('is for everybody where the system knows no such names', async () => {
  expect([await claimName('orrery-x', 'darwin'), await claimName('orrery-x', 'darwin')].map((claim) => claim?.name)).toEqual(['orrery-x', 'orrery-x']);
});
