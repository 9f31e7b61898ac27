/**
 * Tokens of service accounts as Kubernetes has them: issued by TokenRequest, signed, bound to pods, checked, and put into pods.
 * @packageDocumentation
 */
import { Admissions, ApiDocuments, Authenticators, Client, definePlugin, Informers, type Subresource, Subresources, untilAborted } from '@orrery/core';
import { z } from 'zod';
import { newKey, readOrMakeKeys } from './keys/key-file.js';
import { KeyRing } from './keys/key-ring.js';
import { tokenAdmission } from './pods/admission.js';
import { serviceAccountAuthenticator } from './tokens/authenticator.js';
import { discoveryDocuments } from './tokens/discovery.js';
import { Living } from './tokens/living.js';
import { tokenSubresource } from './tokens/token-request.js';

export { KeyRing, type PublicJwk } from './keys/key-ring.js';
export { readOrMakeKeys } from './keys/key-file.js';
export { ACCOUNT_FOLDER } from './pods/token-volume.js';

const DEFAULT_ISSUER = 'https://kubernetes.default.svc.cluster.local';

const options = z
  .strictObject({
    /** The file with the keys (PEM, mode 0600), made with a new one where there is none. Without it and `keys`: a key that ends with the process, and all tokens with it. */
    keyFile: z.string().min(1).max(4_096).optional(),
    /** Keys as PEM, used before those of the file: the first private one signs, and what any of them signed counts. */
    keys: z.array(z.string().min(1).max(100_000)).max(32).default([]),
    /** Who tokens say they are from: a URL, under which the discovery documents are if others are to check tokens. */
    issuer: z.url().max(1_024).default(DEFAULT_ISSUER),
    /** Whom tokens are for that name nobody, and who the API server is; default: the issuer. */
    audiences: z.array(z.string().min(1).max(1_024)).min(1).max(32).optional(),
    /** Where the keys are published, when that is not at the issuer. */
    keysUrl: z.url().max(1_024).optional(),
    /** Seconds a token lives at most, whatever is asked for. */
    maxSeconds: z.int().min(3_600).max(2 ** 32).default(2 ** 32),
    /** Whether tokens that pods are given stay good for a year while their pod is there, for programs that read them once. They are exchanged every hour either way. */
    extend: z.boolean().default(true),
    /** Whether new pods are given a token as a volume. */
    mount: z.boolean().default(true),
  })
  .prefault({});

/** Service accounts get tokens, and are known by them. */
export const serviceAccountTokens = definePlugin({
  name: 'service-account-tokens',
  core: '^0.1.0',
  options,
  async setup({ add, run, get, clock, random, log, options: given }) {
    const { keyFile, issuer, audiences = [issuer], maxSeconds, extend, keysUrl } = given;
    const pems = [...given.keys, ...(keyFile === undefined ? [] : [await readOrMakeKeys(keyFile, random)])];
    if (pems.length === 0) log.info('tokens of service accounts are signed with a key that ends with this process');
    const keys = new KeyRing(pems.length === 0 ? [newKey()] : pems);
    let living: Living | undefined;
    const alive = (): Living => (living ??= new Living(get(Informers), get(Client)));

    add(Authenticators, serviceAccountAuthenticator(() => ({ keys, issuer, clock, audiences, living: alive() })));
    add(Subresources, tokenSubresource(() => ({ keys, issuer, clock, random, audiences, maxSeconds, extend, client: get(Client) })) as unknown as Subresource);
    for (const document of discoveryDocuments(() => ({ issuer, keys, keysUrl }))) add(ApiDocuments, document);
    if (given.mount) add(Admissions, tokenAdmission(() => ({ client: get(Client), random })));
    run(() => ({
      name: 'service-account-tokens',
      phase: 'caches',
      run: async (signal, ready) => {
        await alive().ready(signal);
        ready();
        await untilAborted(signal);
      },
    }));
  },
});
