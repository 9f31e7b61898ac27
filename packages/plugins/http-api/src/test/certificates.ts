import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority in a folder, made with openssl. */
export class TestAuthority {
  constructor(
    readonly folder: string,
    readonly name = 'ca',
  ) {
    this.#openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.crt`);
  }

  get certificate(): string {
    return readFileSync(join(this.folder, `${this.name}.crt`), 'utf8');
  }

  /** A key with its certificate; `subject` as `/O=team/CN=anna`. */
  issue(file: string, subject: string, extension = ''): { readonly key: string; readonly cert: string } {
    this.#openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', subject, '-keyout', `${file}.key`, '-out', `${file}.csr`);
    writeFileSync(join(this.folder, `${file}.ext`), extension);
    this.#openssl('x509', '-req', '-in', `${file}.csr`, '-CA', `${this.name}.crt`, '-CAkey', `${this.name}.key`, '-CAcreateserial', '-days', '2', '-extfile', `${file}.ext`, '-out', `${file}.crt`);
    return { key: readFileSync(join(this.folder, `${file}.key`), 'utf8'), cert: readFileSync(join(this.folder, `${file}.crt`), 'utf8') };
  }

  /** For a server on this machine. */
  server(): { readonly key: string; readonly cert: string } {
    return this.issue(`${this.name}-server`, '/CN=localhost', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.folder, stdio: 'pipe' });
  }
}
