import { type FieldError, fieldError, type Service } from '@orrery/core';

/**
 * Fills in `ipFamilies` and `ipFamilyPolicy` as a cluster with IPv4 alone does (initIPFamilyFields of pkg/registry/core/service/storage/alloc.go).
 * Mutates the spec; answers what is wrong with it.
 */
export function fillFamilies({ spec }: Service): FieldError[] {
  const errors: FieldError[] = [];
  const { clusterIPs = [], ipFamilies = [] } = spec;
  const families = [...ipFamilies];
  const headless = clusterIPs[0] === 'None';
  if (!headless) {
    clusterIPs.forEach((address, i) => {
      if (i < families.length) return;
      if (address.includes(':')) errors.push(fieldError.invalid(`spec.clusterIPs[${i}]`, clusterIPs, 'IPv6 is not configured on this cluster'));
      else families.push('IPv4');
    });
  }
  if (errors.length > 0) return errors;
  if (headless && Object.keys(spec.selector ?? {}).length === 0) fillSelectorless(spec, families);
  else errors.push(...fillSingleStack(spec, families));
  if (errors.length === 0) spec.ipFamilies = families;
  return errors;
}

/** Endpoints of a headless service without selector come from its owner, who may use either family whatever the cluster has. */
function fillSelectorless(spec: Service['spec'], families: string[]): void {
  spec.ipFamilyPolicy ??= families.length === 1 ? 'SingleStack' : 'RequireDualStack';
  if (families.length === 0) families.push('IPv4');
  if (families.length === 1 && spec.ipFamilyPolicy !== 'SingleStack') families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4');
}

function fillSingleStack(spec: Service['spec'], families: string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.ipFamilyPolicy === 'RequireDualStack' || (spec.ipFamilyPolicy === undefined && families.length > 1)) {
    errors.push(fieldError.invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy ?? 'RequireDualStack', 'this cluster is not configured for dual-stack services'));
  }
  families.forEach((family, i) => {
    if (family !== 'IPv4') errors.push(fieldError.invalid(`spec.ipFamilies[${i}]`, families, 'not configured on this cluster'));
  });
  if (families.length === 0) families.push('IPv4');
  spec.ipFamilyPolicy ??= 'SingleStack';
  return errors;
}
