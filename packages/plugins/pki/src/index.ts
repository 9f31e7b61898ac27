/**
 * A certificate authority of one's own: serving and client certificates, signing requests, kubeconfigs.
 * @packageDocumentation
 */
export { type AuthorityOptions, type Certificate, CertificateAuthority, type KeyPair, type Subject } from './authority.js';
export { certificateByRequest, type WantedCertificate } from './certificate-by-request.js';
export { bootstrapTokenAuthenticator } from './bootstrap/tokens.js';
export { kubeconfigOf, type KubeconfigOptions, type KubeconfigUser } from './kubeconfig.js';
export { renewalOf, RenewedCertificate, type RenewedCertificateOptions } from './renewed-certificate.js';
export { certificateSigning } from './plugin.js';
export { signingController, type SigningOptions } from './signing/controller.js';
export { SIGNERS } from './signing/signers.js';
export { makeRequest, readRequest, type RequestedCertificate } from './signing-request.js';
