/** A webhook was not asked, or did not answer as it must. The words are those of kube-apiserver and of Go; nothing of an answer is in them. */
export class WebhookFailure extends Error {
  override readonly name = 'WebhookFailure';

  constructor(
    message: string,
    /** The status that it answered with, if it did. */
    readonly status?: number,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/** What a status says that is no success (apimachinery NewGenericServerResponse). */
export function statusText(status: number): string {
  switch (status) {
    case 404:
      return 'the server could not find the requested resource';
    case 405:
      return 'the server does not allow this method on the requested resource';
    case 401:
      return 'the server has asked for the client to provide credentials';
    case 403:
      return 'forbidden: unknown';
    case 413:
      return 'Request entity too large: limit is unknown';
    case 429:
      return 'the server has received too many requests and has asked us to try again later';
    case 503:
      return 'the server is currently unable to handle the request';
    case 504:
      return 'the server was unable to return a response in the time allotted, but may still be processing the request';
    default:
      return status >= 500 ? 'an error on the server ("unknown") has prevented the request from succeeding' : `the server responded with the status code ${status} but did not return more information`;
  }
}

/** Why there was no answer, as Go would say it. */
export function reasonText(error: NodeJS.ErrnoException & { readonly address?: string; readonly port?: number }): string {
  const at = error.address === undefined ? '' : ` tcp ${error.address.includes(':') ? `[${error.address}]` : error.address}:${error.port}`;
  switch (error.code) {
    case 'ECONNREFUSED':
      return `dial${at}: connect: connection refused`;
    case 'ECONNRESET':
      return 'EOF';
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
    case 'CERT_HAS_EXPIRED':
      return 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'tls: failed to verify certificate: x509: certificate is not valid for that name';
    default:
      return error.message;
  }
}
