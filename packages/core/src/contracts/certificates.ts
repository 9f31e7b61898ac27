/** A private key and the certificate for it, both as PEM; more certificates of a chain may follow the first. */
export interface CertifiedKey {
  readonly key: string;
  readonly cert: string;
}

/** A certificate that is exchanged for a newer one while it is used. */
export interface CertificateSource {
  /** The one to use now; undefined: there is none yet. */
  current(): CertifiedKey | undefined;
  /** Calls the listener after each exchange; it must not throw. Returns its removal. */
  changed(listener: () => void): () => void;
}
