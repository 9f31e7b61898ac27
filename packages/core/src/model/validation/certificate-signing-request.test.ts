import { describe, expect, it } from 'vitest';
import { decodeObject } from '../decode.js';
import type { KindDefinition } from '../kind.js';
import { CertificateSigningRequest } from '../kinds/certificate-signing-request.js';
import { tableOf } from '../table/table.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const REQUEST = base64('-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n');
const CERTIFICATE = base64('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
const made = (spec: object = {}, status?: object): CertificateSigningRequest =>
  decodeObject(CertificateSigningRequest, {
    apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'x' },
    spec: { request: REQUEST, signerName: 'kubernetes.io/kube-apiserver-client', usages: ['client auth'], ...spec }, ...(status && { status }),
  }).object;
const { rules } = CertificateSigningRequest;
const wrong = (spec: object, status?: object): string[] => (rules.validate?.(made(spec, status)) ?? []).map(({ type, field }) => `${type} ${field}`);
const condition = (type: string, status = 'True'): object => ({ type, status, lastUpdateTime: '2026-01-01T00:00:00Z' });

describe('a request for a certificate', () => {
  it('is checked field by field', () => {
    expect(wrong({})).toEqual([]);
    expect(wrong({ signerName: 'example.com/my-signer.v1', usages: ['digital signature', 'server auth'], expirationSeconds: 600 })).toEqual([]);
    expect(wrong({ request: base64('nothing') })).toEqual(['FieldValueInvalid spec.request']);
    expect(wrong({ request: CERTIFICATE })).toEqual(['FieldValueInvalid spec.request']);
    expect(wrong({ usages: [] })).toEqual(['FieldValueRequired spec.usages']);
    expect(wrong({ usages: ['client auth', 'client auth', 'world peace'] })).toEqual(['FieldValueDuplicate spec.usages[1]', 'FieldValueNotSupported spec.usages[2]']);
    for (const signerName of ['kubernetes.io/legacy-unknown', 'one', 'a.b/c/d', 'local/x', 'Example.com/x', 'example.com/X']) expect([signerName, wrong({ signerName })]).toEqual([signerName, ['FieldValueInvalid spec.signerName']]);
    expect(wrong({ signerName: '' })).toEqual(['FieldValueRequired spec.signerName']);
    expect(wrong({ expirationSeconds: 599 })).toEqual(['FieldValueInvalid spec.expirationSeconds']);
    expect(wrong({}, { conditions: [condition('Approved'), condition('Denied')] })).toEqual(['FieldValueInvalid status.conditions[1].type']);
    expect(wrong({}, { conditions: [condition('Approved', 'False')] })).toEqual(['FieldValueNotSupported status.conditions[0].status']);
  });

  it('says who asked, whatever was sent', () => {
    const draft = made({ username: 'system:admin', groups: ['system:masters'], uid: 'x', extra: { a: ['b'] } });
    rules.prepareForCreate?.(draft, { name: 'anna', groups: ['team'] });
    expect(draft.spec).toMatchObject({ username: 'anna', groups: ['team'], uid: undefined, extra: undefined });
    const changed = made({ signerName: 'example.com/other', username: 'root' });
    rules.prepareForUpdate?.(changed, draft);
    expect(changed.spec).toBe(draft.spec);
  });

  it('is decided through one subresource, once, and signed through another', () => {
    const old = made();
    const approval = rules.subresources?.['approval'];
    const approved = approval?.take(made({ usages: ['any'] }, { conditions: [condition('Approved')], certificate: CERTIFICATE }), old) as CertificateSigningRequest;
    expect(approved.spec).toBe(old.spec);
    expect(approved.status).toEqual({ conditions: [{ ...condition('Approved'), lastTransitionTime: '2026-01-01T00:00:00Z' }] });
    expect(approval?.validateUpdate(old, approved).map(({ message }) => message)).toEqual([expect.stringContaining('may not remove a condition of type "Approved"')]);
    const signing = (status: object, before: CertificateSigningRequest): string[] => (rules.validateStatusUpdate?.({ ...before, status } as CertificateSigningRequest, before) ?? []).map(({ field, message }) => `${field}: ${message}`);
    const { conditions } = approved.status ?? {};
    expect(signing({ conditions, certificate: CERTIFICATE }, approved)).toEqual([]);
    expect(signing({ conditions, certificate: REQUEST }, approved)).toEqual([expect.stringContaining('status.certificate')]);
    expect(signing({ conditions: [condition('Denied')] }, old)).toEqual([expect.stringContaining('may not add a condition of type "Denied"')]);
    expect(signing({ conditions: [] }, approved)).toEqual([expect.stringContaining('may not remove a condition of type "Approved"')]);
    const issued = { ...approved, status: { conditions, certificate: CERTIFICATE } } as CertificateSigningRequest;
    expect(signing({ conditions }, issued)).toEqual(['status.certificate: Forbidden: updates may not modify existing certificate content']);
  });

  it('is shown with what became of it', () => {
    const cells = (status: object): unknown => tableOf(CertificateSigningRequest as unknown as KindDefinition, made({ expirationSeconds: 3_600 }, status), { now: 0 }).rows[0]?.cells.slice(2);
    expect(cells({})).toEqual(['kubernetes.io/kube-apiserver-client', '', '60m', 'Pending']);
    expect(cells({ conditions: [condition('Approved')], certificate: CERTIFICATE })).toEqual([expect.anything(), '', '60m', 'Approved,Issued']);
    expect(cells({ conditions: [condition('Denied'), condition('Failed')] })).toEqual([expect.anything(), '', '60m', 'Denied,Failed']);
  });
});
