import type { DnsConfig, Pod } from '@orrery/core';

/** What resolvers read at most (glibc), and Kubernetes with them. */
const MOST_SERVERS = 3;
const MOST_SEARCHES = 32;
const LONGEST_SEARCHES = 2048;
/** Names with fewer dots are looked for in the cluster first. */
const CLUSTER_OPTIONS = ['ndots:5'];

/** How the node's resolver is configured, and where the cluster's is. */
export interface DnsSettings {
  readonly clusterDNS: readonly string[];
  readonly clusterDomain: string;
}

/** The resolver of a pod, and what had to be left out of it. */
export interface PodDns {
  readonly config: DnsConfig;
  readonly warnings: readonly string[];
}

/** Reads the text of a resolv.conf (resolv.conf(5)). Pure. */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [key, ...words] = line.trim().split(/\s+/);
    if (key === 'nameserver' && words[0] !== undefined) servers.push(words[0]);
    // The last line of its kind counts. A trailing dot says what is true anyway.
    if (key === 'search') searches = words.map((word) => (word === '.' ? word : word.replace(/\.$/, '')));
    if (key === 'options') options = words;
  }
  return { servers, searches, options };
}

/** How the containers of a pod resolve names (kubelet dns.Configurer GetPodDNS). Without addresses of a cluster DNS, `ClusterFirst` is `Default`. Pure. */
export function podDns(pod: Pod, { clusterDNS, clusterDomain }: DnsSettings, host: DnsConfig): PodDns {
  const { dnsPolicy = 'ClusterFirst', hostNetwork, dnsConfig } = pod.spec;
  const ofCluster = (dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && hostNetwork !== true)) && clusterDNS.length > 0;
  const namespace = pod.metadata.namespace ?? 'default';
  const domains = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  const base: DnsConfig =
    dnsPolicy === 'None' ? { servers: [], searches: [], options: [] } : ofCluster ? { servers: clusterDNS, searches: unique([...domains, ...host.searches]), options: CLUSTER_OPTIONS } : host;
  return withinLimits({
    servers: unique([...base.servers, ...(dnsConfig?.nameservers ?? [])]),
    searches: unique([...base.searches, ...(dnsConfig?.searches ?? [])]),
    options: mergeOptions(base.options, (dnsConfig?.options ?? []).map(({ name = '', value }) => (value === undefined || value === '' ? name : `${name}:${value}`))),
  });
}

/** A later option of the same name wins. */
function mergeOptions(base: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Map([...base, ...more].map((option) => [option.split(':')[0], option])).values()];
}

function withinLimits({ servers, searches, options }: DnsConfig): PodDns {
  const kept = servers.slice(0, MOST_SERVERS);
  const warnings = kept.length < servers.length ? [`Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${kept.join(' ')}`] : [];
  let fitting = searches.slice(0, MOST_SEARCHES);
  while (fitting.join(' ').length > LONGEST_SEARCHES) fitting = fitting.slice(0, -1);
  if (fitting.length < searches.length) warnings.push(`Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${fitting.join(' ')}`);
  return { config: { servers: kept, searches: fitting, options }, warnings };
}

const unique = (texts: readonly string[]): readonly string[] => [...new Set(texts)];
