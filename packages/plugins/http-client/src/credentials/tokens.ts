import { readFile } from 'node:fs/promises';
import { type Clock, OrreryError } from '@orrery/core';

/** A bearer token that may be exchanged while it is used. */
export interface TokenSource {
  /** The token as it is now. */
  read(): Promise<string>;
  /** The server did not know it: what is remembered counts no more. False when asking again cannot give another. */
  refused(): boolean;
}

/** One that stays. Throws `INVALID` for what cannot be sent in a header. */
export function fixedToken(token: string): TokenSource {
  const checked = check(token, 'The token of the kubeconfig');
  return { read: () => Promise.resolve(checked), refused: () => false };
}

/** How long a token that was read from a file is used before it is read again, as in client-go: those of service accounts are exchanged in their file. */
const REREAD_MS = 60_000;

/** One that is read from a file, again and again. Reading throws `INVALID` when the file has none. */
export function tokenFromFile(file: string, clock: Clock): TokenSource {
  let known: { readonly token: string; readonly at: number } | undefined;
  return {
    async read() {
      const now = clock.monotonic();
      if (known === undefined || now - known.at >= REREAD_MS) {
        try {
          known = { token: check((await readFile(file, 'utf8')).trim(), `The file ${file}`), at: now };
        } catch (error) {
          if (OrreryError.is(error)) throw error;
          throw new OrreryError('UNAVAILABLE', `The token in ${file} cannot be read: ${(error as Error).message}.`, { file }, error);
        }
      }
      return known.token;
    },
    refused() {
      known = undefined;
      return true;
    },
  };
}

function check(token: string, where: string): string {
  if (!/^[\x21-\x7e]{1,65536}$/.test(token)) throw new OrreryError('INVALID', `${where} has no token that can be sent: it must be printable characters without blanks.`);
  return token;
}
