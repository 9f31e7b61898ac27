import type { ApiDocument } from '@orrery/core';
import { ALGORITHM, type KeyRing } from '../keys/key-ring.js';

const JWKS = '/openid/v1/jwks';

/**
 * The pages by which others check tokens of this issuer (OpenID Connect Discovery 1.0): where its keys are, and the keys. `keysUrl` where that is not below the issuer.
 */
export function discoveryDocuments(of: () => { readonly issuer: string; readonly keys: KeyRing; readonly keysUrl?: string | undefined }): readonly ApiDocument[] {
  return [
    {
      path: '/.well-known/openid-configuration',
      type: 'application/json',
      text: () => {
        const { issuer, keysUrl } = of();
        return JSON.stringify({ issuer, jwks_uri: keysUrl ?? `${issuer.replace(/\/$/, '')}${JWKS}`, response_types_supported: ['id_token'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: [ALGORITHM] });
      },
    },
    { path: JWKS, type: 'application/jwk-set+json', text: () => JSON.stringify({ keys: of().keys.jwks() }) },
  ];
}
