import type { Pod } from '@orrery/core';
import { ConfigError } from '../pod/env.js';

/** Longest host name of a pod: a DNS label. */
const LONGEST_LABEL = 63;
/** Longest host name the kernel takes. */
const LONGEST_KERNEL = 64;

/** What a pod is called on its network. */
export interface PodHostname {
  readonly hostname: string;
  /** Its domain when it has a subdomain, else ''. */
  readonly domain: string;
}

/** The host name and domain of a pod (kubelet GeneratePodHostNameAndDomain). Pure. */
export function podHostname({ metadata, spec }: Pod, clusterDomain: string): PodHostname {
  if (spec.hostnameOverride !== undefined) return { hostname: spec.hostnameOverride, domain: '' };
  const hostname = spec.hostname !== undefined && spec.hostname !== '' ? spec.hostname : (metadata.name ?? '').slice(0, LONGEST_LABEL).replace(/[-.]+$/, '');
  const { subdomain = '' } = spec;
  return { hostname, domain: subdomain === '' ? '' : `${subdomain}.${metadata.namespace ?? 'default'}.svc.${clusterDomain}` };
}

/** What the kernel of the pod says it is called (kubelet GetNodenameForKernel). Throws {@link ConfigError} when the full name is too long. Pure. */
export function kernelHostname(pod: Pod, { hostname, domain }: PodHostname): string {
  if (pod.spec.setHostnameAsFQDN !== true || domain === '') return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length > LONGEST_KERNEL) {
    throw new ConfigError(`failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${LONGEST_KERNEL} characters is the max, ${full.length} characters requested)`);
  }
  return full;
}
