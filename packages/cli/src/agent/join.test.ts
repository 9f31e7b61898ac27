import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@orrery/core';
import { CertificateAuthority } from '@orrery/pki';
import { afterAll, expect, it } from 'vitest';
import { UsageError } from '../usage-error.js';
import { hashOfAuthority } from './authority-of.js';
import { joined } from './join.js';
import { keepCredentials } from './node-certificates.js';

const data = mkdtempSync(join(tmpdir(), 'orrery-join-'));
afterAll(() => rmSync(data, { recursive: true, force: true }));

it('credentials that a node was given before are used for the cluster that gave them only', async () => {
  const platform = { clock: systemClock, random: systemRandom };
  const [own, other] = [await CertificateAuthority.open(platform), await CertificateAuthority.open(platform)];
  const pair = await own.issue({ subject: { commonName: 'system:node:n1', organizations: ['system:nodes'] }, usages: ['client'] });
  const file = join(data, 'kubeconfig');
  await keepCredentials(file, { server: 'https://127.0.0.1:6443', ca: own.certificate, pair });
  // Nobody listens there.
  const joining = { server: 'https://127.0.0.1:1', token: 'abcdef.0123456789abcdef', name: 'n1', data };
  expect(await joined({ ...joining, caHash: hashOfAuthority(own.certificate) })).toBe(file);
  expect(await joined({ ...joining, caHash: hashOfAuthority(own.certificate).toUpperCase().replace('SHA256', 'sha256') })).toBe(file);
  for (const another of [{ caHash: hashOfAuthority(other.certificate) }, { caHash: hashOfAuthority(own.certificate), name: 'n2' }]) await expect(joined({ ...joining, ...another })).rejects.toThrow(UsageError);
});
