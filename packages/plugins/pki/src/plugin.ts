import { Admissions, Authenticators, Authorizers, Client, ClusterRoleBinding, Controllers, definePlugin, firstOpinion, untilAborted } from '@orrery/core';
import { z } from 'zod';
import { CertificateAuthority } from './authority.js';
import { bootstrapTokenAuthenticator } from './bootstrap/tokens.js';
import { certificateAdmission } from './signing/admission.js';
import { signingController } from './signing/controller.js';
import { BOOTSTRAPPERS } from './signing/signers.js';

const authorityOption = z.custom<CertificateAuthority>((value) => value instanceof CertificateAuthority, 'must be a CertificateAuthority');

const options = z.strictObject({
  /** Signs. The server has to trust it (`clientCa`) for its client certificates to count. */
  authority: authorityOption,
  /**
   * Signs the serving certificates of nodes, which are approved for the names and addresses that a node tells of itself. Default: `authority`; but then a node that tells the address of the API server
   * can answer in its place for all who trust `authority`.
   */
  servingAuthority: authorityOption.optional(),
  /** Days a certificate is valid for at most. */
  maxDays: z.number().positive().max(3_650).default(365),
  /** Whether bootstrap tokens let nodes in to ask for their certificate. */
  bootstrapTokens: z.boolean().default(true),
});

/** Approves, signs and tidies away CertificateSigningRequests of Kubernetes' own signers, and lets nodes join by bootstrap tokens. */
export const certificateSigning = definePlugin({
  name: 'certificate-signing',
  core: '^0.1.0',
  options,
  setup: ({ add, run, get, clock, options: { authority, servingAuthority, maxDays, bootstrapTokens } }) => {
    add(Controllers, signingController({ authority, maxDays, ...(servingAuthority !== undefined && { servingAuthority }) }));
    add(Admissions, certificateAdmission(() => (get(Authorizers).items().length === 0 ? undefined : firstOpinion(() => get(Authorizers).items()))));
    if (!bootstrapTokens) return;
    add(Authenticators, bootstrapTokenAuthenticator(() => ({ client: get(Client), clock })));
    run(() => ({
      name: 'bootstrap-rights',
      phase: 'caches',
      run: async (signal, ready) => {
        await get(Client).kind(ClusterRoleBinding).apply(mayAsk(), { fieldManager: 'certificate-signing', force: true });
        ready();
        await untilAborted(signal);
      },
    }));
  },
});

/** Who has a bootstrap token may ask for certificates, and look what became of it. */
const mayAsk = () => ({
  metadata: { name: 'orrery:node-bootstrapper' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-bootstrapper' },
  subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: BOOTSTRAPPERS }],
});
