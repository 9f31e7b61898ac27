import { join } from 'node:path';
import { serviceAccounts } from '@orrery/controllers';
import type { Plugin } from '@orrery/core';
import { serviceAccountTokens } from '@orrery/service-account-tokens';
import type { Access } from './access.js';

/** Who pods are: they get tokens of their accounts, signed by a key in the data folder, and the certificate by which they know the server. */
export const identitiesOf = (data: string, { authority }: Access): Plugin[] => [serviceAccounts({ rootCa: authority.certificate }), serviceAccountTokens({ keyFile: join(data, 'pki', 'sa.pem') })];
