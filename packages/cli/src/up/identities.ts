import { join } from 'node:path';
import { serviceAccounts } from '@orrery/controllers';
import type { Plugin } from '@orrery/core';
import { certificateSigning } from '@orrery/pki';
import { serviceAccountTokens } from '@orrery/service-account-tokens';
import type { Access } from './access.js';

/**
 * Who pods and nodes are: pods get tokens of their accounts, signed by a key in the data folder, and the certificate by which they know the server; who asks for a certificate gets it of the authority, and nodes
 * that join may ask with a bootstrap token.
 */
export const identitiesOf = (data: string, { authority, nodeAuthority }: Access, maxDays: number): Plugin[] => [
  serviceAccounts({ rootCa: authority.certificate }),
  serviceAccountTokens({ keyFile: join(data, 'pki', 'sa.pem') }),
  certificateSigning({ authority, servingAuthority: nodeAuthority, maxDays }),
];
