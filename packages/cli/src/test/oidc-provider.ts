import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { systemClock, systemRandom } from '@orrery/core';
import { CertificateAuthority } from '@orrery/pki';

/** An OpenID Connect provider on this machine, known by an authority of its own. */
export class OidcProvider {
  private constructor(
    readonly issuer: string,
    private readonly key: KeyObject,
    private readonly server: Server,
  ) {}

  /** @param caFile where its authority is written */
  static async start(caFile: string): Promise<OidcProvider> {
    const authority = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
    writeFileSync(caFile, authority.certificate);
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const keys = JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' }] });
    const server = createServer(await authority.issue({ subject: { commonName: 'provider' }, usages: ['server'], ipAddresses: ['127.0.0.1'] }), (request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(request.url === '/keys' ? keys : JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const issuer = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return new OidcProvider(issuer, privateKey, server);
  }

  /** An ID token for the client `orrery`, good for a minute. */
  token(claims: object): string {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const body = `${part({ alg: 'RS256', kid: 'one' })}.${part({ iss: this.issuer, aud: 'orrery', exp: Math.floor(systemClock.now() / 1000) + 60, ...claims })}`;
    return `${body}.${sign('RSA-SHA256', Buffer.from(body), this.key).toString('base64url')}`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}
