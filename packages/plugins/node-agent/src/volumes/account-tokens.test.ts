import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, type KindClient, type Logger, silentLogger, type TokenRequest } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { EnvSources } from '../pod/env.js';
import { podOf } from '../test/build.js';
import { AccountTokens } from './account-tokens.js';
import { PodFolders } from './pod-folders.js';
import { Volumes } from './volumes.js';

const START = Date.UTC(2026, 0, 1);
let clock: VirtualClock;
let asked: { ref: unknown; subresource: string; body: TokenRequest }[];
let failure: Error | undefined;
let warnings: unknown[][];
let tokens: AccountTokens;
beforeEach(() => {
  clock = new VirtualClock(START);
  asked = [];
  failure = undefined;
  warnings = [];
  const createSubresource = async (ref: unknown, subresource: string, body: TokenRequest): Promise<TokenRequest> => {
    asked.push({ ref, subresource, body });
    if (failure !== undefined) throw failure;
    return { ...body, status: { token: `secret-${asked.length}`, expirationTimestamp: new Date(clock.now() + (body.spec.expirationSeconds ?? 0) * 1_000).toISOString() } };
  };
  const client = { kind: () => ({ createSubresource }) as unknown as KindClient<never> } as unknown as Client;
  const log: Logger = { ...silentLogger, warn: (...words: unknown[]) => void warnings.push(words) } as Logger;
  tokens = new AccountTokens({ client, clock, log });
});

const pod = podOf({ serviceAccountName: 'robot', volumes: [{ name: 'v', projected: { sources: [{ serviceAccountToken: { path: 'deep/token', expirationSeconds: 1_000 } }] } }] });

describe('tokens of pods', () => {
  it('are asked for in the name of the account, bound to the pod', async () => {
    expect(await tokens.get(pod, { expirationSeconds: 1_000, audience: 'vault' })).toBe('secret-1');
    const { name, namespace, uid } = pod.metadata;
    expect(asked[0]).toMatchObject({ ref: { namespace, name: 'robot' }, subresource: 'token', body: { spec: { audiences: ['vault'], expirationSeconds: 1_000, boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid } } } });
  });

  it('are exchanged when four fifths of their life are over, or a day', async () => {
    const get = (expirationSeconds: number): Promise<string> => tokens.get(pod, { expirationSeconds });
    expect(await get(1_000)).toBe('secret-1');
    await clock.advance(799_000);
    expect(await get(1_000)).toBe('secret-1');
    await clock.advance(2_000);
    expect(await get(1_000)).toBe('secret-2');
    const year = 365 * 86_400;
    expect(await get(year)).toBe('secret-3');
    await clock.advance(86_400_000);
    expect(await get(year)).toBe('secret-4');
  });

  it('are one for all who ask at once, and asked for again for another audience and another pod', async () => {
    const some = await Promise.all([1, 2, 3].map(() => tokens.get(pod, { expirationSeconds: 600 })));
    expect(new Set(some).size).toBe(1);
    await tokens.get(pod, { expirationSeconds: 600, audience: 'other' });
    await tokens.get({ ...pod, metadata: { ...pod.metadata, uid: 'another' } }, { expirationSeconds: 600 });
    expect(asked).toHaveLength(3);
    tokens.forget('another');
    await tokens.get({ ...pod, metadata: { ...pod.metadata, uid: 'another' } }, { expirationSeconds: 600 });
    expect(asked).toHaveLength(4);
  });

  it('are used on while no new ones can be had, until they expire; none is told', async () => {
    await tokens.get(pod, { expirationSeconds: 1_000 });
    failure = new Error('the server is away');
    await clock.advance(900_000);
    expect(await tokens.get(pod, { expirationSeconds: 1_000 })).toBe('secret-1');
    await clock.advance(101_000);
    await expect(tokens.get(pod, { expirationSeconds: 1_000 })).rejects.toThrow('failed to fetch token of service account "robot": the server is away');
    expect(warnings).toHaveLength(1);
    expect(JSON.stringify(warnings)).not.toContain('secret');
  });
});

describe('a volume with a token', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'orrery-tokens-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const sources: EnvSources = { configMap: async () => undefined, secret: async () => undefined, services: () => [], podIPs: [], hostIP: '', allocatable: {} };

  it('has the new one as a whole when it is exchanged, and is gone with the pod', async () => {
    const volumes = new Volumes({ folders: new PodFolders(root), hostPaths: [], bindSubPaths: false, memoryBytes: 2 ** 30, mounter: undefined, notice: () => undefined, tokens });
    const folder = join(root, 'pods/u-1/volumes/v');
    await volumes.prepare(pod, sources);
    expect(readFileSync(join(folder, 'deep/token'), 'utf8')).toBe('secret-1');
    expect(statSync(join(folder, 'deep/token')).mode & 0o777).toBe(process.getuid?.() === 0 ? 0o644 : 0o600);
    await volumes.prepare(pod, sources);
    await clock.advance(850_000);
    await volumes.prepare(pod, sources);
    expect(readFileSync(join(folder, 'deep/token'), 'utf8')).toBe('secret-2');
    expect(readdirSync(folder).sort()).toEqual(['..2', '..data', 'deep']);
    const grouped = podOf({ ...pod.spec, securityContext: { fsGroup: 4321 } });
    await volumes.prepare(grouped, sources);
    expect(statSync(join(folder, 'deep/token')).mode & 0o777).toBe(process.getuid?.() === 0 ? 0o640 : 0o600);
    await volumes.remove('u-1');
    expect(existsSync(folder)).toBe(false);
  });
});
