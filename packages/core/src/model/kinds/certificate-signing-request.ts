import type { z } from 'zod';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { bytes, described, int32, list, mapOf, pointer, requiredStruct, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { certificateSigningRequestColumns } from '../table/certificate-columns.js';
import {
  approved, validateApproval, validateCertificateSigningRequest, validateCertificateStatus, withOwnConditions,
} from '../validation/certificate-signing-request.js';

const certificateSigningRequestSpecSchema = struct({
  /** PKCS#10 as PEM, in base64. */
  request: bytes.default(''),
  signerName: text.default(''),
  expirationSeconds: pointer(int32),
  usages: list(text).optional(),
  username: text.optional(),
  uid: text.optional(),
  groups: list(text).optional(),
  extra: mapOf(list(text)).optional(),
});
/** What is to be certified, by whom, and who asked: the server says that. */
export interface CertificateSigningRequestSpec extends z.infer<typeof certificateSigningRequestSpecSchema> {}
/** Schema of {@link CertificateSigningRequestSpec}. */
export const certificateSigningRequestSpec: Schema<CertificateSigningRequestSpec> = described(certificateSigningRequestSpecSchema, 'What is to be certified, by whom, and who asked: the server says that.');

const certificateSigningRequestConditionSchema = struct({
  type: text.default(''),
  status: text.default(''),
  reason: text.optional(),
  message: text.optional(),
  lastUpdateTime: timestamp.optional(),
  lastTransitionTime: timestamp.optional(),
});
/** `Approved`, `Denied` or `Failed`. */
export interface CertificateSigningRequestCondition extends z.infer<typeof certificateSigningRequestConditionSchema> {}
/** Schema of {@link CertificateSigningRequestCondition}. */
export const certificateSigningRequestCondition: Schema<CertificateSigningRequestCondition> = described(certificateSigningRequestConditionSchema, 'Approved, Denied or Failed.');

const certificateSigningRequestStatusSchema = struct({
  conditions: list(certificateSigningRequestCondition, { listType: 'map', key: 'type' }).optional(),
  /** PEM, in base64. */
  certificate: bytes.optional(),
});
/** What was decided, and the certificate. */
export interface CertificateSigningRequestStatus extends z.infer<typeof certificateSigningRequestStatusSchema> {}
/** Schema of {@link CertificateSigningRequestStatus}. */
export const certificateSigningRequestStatus: Schema<CertificateSigningRequestStatus> = described(certificateSigningRequestStatusSchema, 'What was decided, and the certificate.');

/** A wish for a certificate (certificates.k8s.io/v1): approved or denied through the subresource `approval`, signed through `status`. */
export interface CertificateSigningRequest extends KubeObject {
  spec: CertificateSigningRequestSpec;
  status?: CertificateSigningRequestStatus | undefined;
}
/** The kind {@link CertificateSigningRequest}. */
export const CertificateSigningRequest: KindDefinition<CertificateSigningRequest> = buildKind<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  description: 'A wish for a certificate: approved or denied through the subresource approval, signed through status.',
  shortNames: ['csr'],
  namespaced: false,
  tracksGeneration: false,
  spec: requiredStruct(certificateSigningRequestSpec),
  status: certificateSigningRequestStatus,
  columns: certificateSigningRequestColumns,
  rules: {
    prepareForCreate: ({ spec }, by) => {
      // Who asks is what the certificate is judged by.
      const { name, uid, groups = [], extra } = by ?? { name: '' };
      Object.assign(spec, { username: name, uid, groups: [...groups], extra: extra && Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) });
    },
    prepareForUpdate: (draft, old) => {
      draft.spec = old.spec;
    },
    prepareForStatusUpdate: withOwnConditions,
    validate: validateCertificateSigningRequest,
    validateStatusUpdate: validateCertificateStatus,
    subresources: { approval: { take: approved, validateUpdate: validateApproval } },
    selectableFields: { 'spec.signerName': ({ spec }) => spec.signerName },
  },
});
