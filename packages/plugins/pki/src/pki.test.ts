import { createPrivateKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { systemClock, systemRandom } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CertificateAuthority, kubeconfigOf, makeRequest, readRequest } from './index.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'orrery-pki-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const openAuthority = (options = {}) => CertificateAuthority.open({ clock: systemClock, random: systemRandom, ...options });

describe('an authority', () => {
  it('signs for servers and clients, who know each other by it', async () => {
    const authority = await openAuthority();
    const { key, cert } = await authority.issue({ subject: { commonName: 'localhost' }, usages: ['server'], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1', '::1'] });
    const client = await authority.issue({ subject: { commonName: 'anna, the first', organizations: ['team', 'CN=root'] }, usages: ['client'] });
    const seen: unknown[] = [];
    const server: Server = createServer({ key, cert, ca: authority.certificate, requestCert: true, rejectUnauthorized: true }, (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      seen.push(subject.CN, subject.O);
      response.end('hello');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const socket = connect({ host: '127.0.0.1', port, ca: authority.certificate, key: client.key, cert: client.cert });
    await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject));
    socket.write('GET / HTTP/1.0\r\n\r\n');
    await new Promise<void>((resolve) => socket.resume().once('end', resolve));
    expect(seen).toEqual(['anna, the first', ['team', 'CN=root']]);
    const stranger = await openAuthority();
    expect(new X509Certificate(cert).verify(new X509Certificate(stranger.certificate).publicKey)).toBe(false);
    server.close();
  });

  it('gives certificates no longer than it lives itself, and none that certify others', async () => {
    const clock = new VirtualClock(Date.UTC(2026, 0, 1));
    const authority = await openAuthority({ clock });
    const own = new X509Certificate(authority.certificate);
    const { cert } = await authority.issue({ subject: { commonName: 'x' }, usages: ['client'], days: 100_000 });
    const parsed = new X509Certificate(cert);
    expect([parsed.validTo, parsed.ca, own.ca]).toEqual([own.validTo, false, true]);
    expect(parsed.checkIssued(own)).toBe(true);
    expect(Date.parse(parsed.validFrom)).toBe(Date.UTC(2026, 0, 1) - 300_000);
  });

  it('is found again in its file, which only its owner may read, also by many who make it at once', async () => {
    const file = join(folder, 'pki', 'ca.pem');
    const made = await Promise.all([1, 2, 3, 4].map(() => openAuthority({ file })));
    expect(new Set(made.map(({ certificate }) => certificate)).size).toBe(1);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o640);
    await expect(openAuthority({ file })).rejects.toMatchObject({ code: 'INVALID', message: expect.stringContaining('0600') });
    writeFileSync(file, readFileSync(file, 'utf8').replace('CERTIFICATE', 'CERTIFICAT'));
    chmodSync(file, 0o600);
    await expect(openAuthority({ file })).rejects.toMatchObject({ code: 'INVALID' });
    const { key } = await (await openAuthority()).issue({ subject: { commonName: 'x' }, usages: ['client'] });
    writeFileSync(file, key + (made[0]?.certificate ?? ''));
    await expect(openAuthority({ file })).rejects.toMatchObject({ code: 'INVALID', message: expect.stringContaining('do not belong together') });
  });

  it('that has expired says so', async () => {
    const file = join(folder, 'ca.pem');
    const clock = new VirtualClock(Date.UTC(2026, 0, 1));
    await openAuthority({ file, clock });
    await expect(openAuthority({ file, clock: new VirtualClock(Date.UTC(2037, 0, 1)) })).rejects.toMatchObject({ code: 'INVALID', message: expect.stringContaining('expired') });
  });
});

describe('a signing request', () => {
  it('is read, and signed as the authority decides', async () => {
    const { key, request } = await makeRequest({ commonName: 'system:node:a', organizations: ['system:nodes'], dnsNames: ['a.local'], ipAddresses: ['10.0.0.1'] });
    expect(await readRequest(request)).toMatchObject({ commonName: 'system:node:a', organizations: ['system:nodes'], dnsNames: ['a.local'], ipAddresses: ['10.0.0.1'], otherNames: [] });
    const authority = await openAuthority();
    const parsed = new X509Certificate(await authority.sign(request, { subject: { commonName: 'only this' }, usages: ['client'] }));
    expect([parsed.subject, parsed.subjectAltName, parsed.checkPrivateKey(createPrivateKey(key))]).toEqual(['CN=only this', undefined, true]);
  });

  it('that is malformed, forged or too long is refused', async () => {
    const { request } = await makeRequest({ commonName: 'a' });
    const der = Buffer.from(request.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    der[der.length - 3] = (der[der.length - 3] as number) ^ 0xff;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    for (const text of ['', 'nonsense', request.slice(0, 100), forged, request + 'x'.repeat(20_000)]) await expect(readRequest(text)).rejects.toMatchObject({ code: 'INVALID' });
  });
});

it('a kubeconfig has one of each', () => {
  const config = JSON.parse(kubeconfigOf({ server: 'https://127.0.0.1:6443', authority: 'CA', user: { token: 't' }, name: 'home' }));
  expect(config).toMatchObject({ kind: 'Config', clusters: [{ name: 'home', cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority-data': 'Q0E=' } }], users: [{ user: { token: 't' } }], 'current-context': 'home' });
});
