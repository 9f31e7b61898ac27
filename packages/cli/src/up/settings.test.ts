import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../usage-error.js';
import { readSettings } from './settings.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-settings-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const file = (text: string): string => {
  const path = join(folder, 'config.yaml');
  writeFileSync(path, text);
  return path;
};
const refusal = (options: object): Promise<string> => readSettings({ ...options }).then(
  () => 'nothing was refused',
  (error: unknown) => (error instanceof UsageError ? error.message : Promise.reject(error)),
);

describe('settings', () => {
  it('have defaults that need nothing but a home', async () => {
    expect(await readSettings({})).toMatchObject({ data: join(homedir(), '.orrery'), store: 'sqlite', runtime: 'process', proxy: 'userspace', nodes: 1, listen: { host: '127.0.0.1', port: 6443 }, kubeconfig: join(homedir(), '.orrery', 'kubeconfig'), onExit: 'leave' });
    expect(await readSettings({ store: 'memory', data: '/srv/x' })).toMatchObject({ onExit: 'remove', kubeconfig: '/srv/x/kubeconfig' });
  });

  it('come from the command line before the file', async () => {
    const config = file('nodes: 3\nstore: memory\nlisten: "[::1]:7000"\nname: [api.example.com]\n');
    expect(await readSettings({ config, nodes: 5 })).toMatchObject({ nodes: 5, store: 'memory', listen: { host: '::1', port: 7000 }, name: ['api.example.com'] });
    expect(await readSettings({ config: file('') })).toMatchObject({ nodes: 1 });
  });

  it.each([
    [{ store: 'mysql://x' }, /^--store: must be memory, sqlite/],
    [{ listen: 'localhost' }, /^--listen: must be HOST:PORT/],
    [{ listen: 'localhost:70000' }, /^--listen: the port/],
    [{ onExit: 'explode' }, /^--on-exit: /],
    [{ name: ['ok', 'not ok'] }, /^--name\.1: must be a host name/],
    [{ nodes: 5_000 }, /^--nodes: /],
  ])('%j is refused by name', async (options, says) => {
    expect(await refusal(options)).toMatch(says);
  });

  it('of an OpenID Connect provider are those of kube-apiserver', async () => {
    expect(await readSettings({ oidcIssuerUrl: 'https://id.example.com', oidcClientId: 'orrery', oidcRequiredClaim: ['aud=x', 'a=b=c'], oidcSigningAlgs: 'RS256,ES256' })).toMatchObject({ oidcUsernameClaim: 'sub', oidcRequiredClaim: { aud: 'x', a: 'b=c' }, oidcSigningAlgs: ['RS256', 'ES256'] });
    const config = file('oidcIssuerUrl: https://id.example.com\noidcClientId: orrery\noidcGroupsClaim: groups\noidcSigningAlgs: [ES256]\n');
    expect(await readSettings({ config })).toMatchObject({ oidcClientId: 'orrery', oidcGroupsClaim: 'groups', oidcSigningAlgs: ['ES256'] });
    expect(await refusal({ oidcIssuerUrl: 'https://id.example.com' })).toMatch(/^--oidc-issuer-url: needs .*--oidc-client-id/);
    expect(await refusal({ oidcClientId: 'orrery' })).toMatch(/^--oidc-client-id: needs/);
    expect(await refusal({ oidcIssuerUrl: 'http://id.example.com', oidcClientId: 'x' })).toMatch(/^--oidc-issuer-url: must be https/);
    expect(await refusal({ oidcIssuerUrl: 'https://id.example.com', oidcClientId: 'x', oidcSigningAlgs: 'none' })).toMatch(/^--oidc-signing-algs/);
    expect(await refusal({ oidcRequiredClaim: ['x'] })).toMatch(/^--oidc-required-claim\.0: must be CLAIM=VALUE/);
  });

  it('of a file are refused with the file or the key', async () => {
    expect(await refusal({ config: join(folder, 'none.yaml') })).toMatch(/--config .*none\.yaml: ENOENT/);
    expect(await refusal({ config: file('nodes: [') })).toMatch(/--config .*config\.yaml: /);
    expect(await refusal({ config: file('- 1') })).toMatch(/must be a map/);
    expect(await refusal({ config: file('nodez: 3') })).toMatch(/nodez/);
    expect(await refusal({ config: file('nodes: many') })).toMatch(/^nodes: /);
  });
});
