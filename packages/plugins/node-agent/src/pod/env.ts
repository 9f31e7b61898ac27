import { type ConfigMap, type Container, int64Value, isRelaxedEnvVarName, parseQuantity, type Pod, type Secret, type Service } from '@orrery/core';
import { apiEnvironment, type EnvEntry, serviceEnvironment } from './service-env.js';

/** Why a container cannot be configured now; it is tried again. The message names what is missing, never a value. */
export class ConfigError extends Error {}

/** What environment values may come from. */
export interface EnvSources {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  /** Services of a namespace. */
  services(namespace: string): readonly Service[];
  /** Where the API server is, for clusters without a Service that says so. */
  readonly apiServer?: { readonly host: string; readonly port: number } | undefined;
  readonly podIPs: readonly string[];
  readonly hostIP: string;
  /** What a container without limits may use at most, by resource name. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/**
 * The environment of a container (kubelet's makeEnvironmentVariables): service links, then `envFrom` in order, then `env` in order,
 * with `$(NAME)` replaced by what came before. Throws {@link ConfigError} when a source is missing that is not optional.
 */
export async function containerEnv(pod: Pod, container: Container, sources: EnvSources): Promise<readonly EnvEntry[]> {
  const namespace = pod.metadata.namespace ?? 'default';
  const result = new Map<string, string>();
  for (const { name, value } of apiEnvironment(sources.apiServer)) result.set(name, value);
  for (const { name, value } of serviceEnvironment(servicesFor(pod, namespace, sources))) result.set(name, value);
  for (const source of container.envFrom ?? []) {
    for (const [key, value] of await entriesOf(source, namespace, sources)) {
      const name = `${source.prefix ?? ''}${key}`;
      if (isRelaxedEnvVarName(name).length === 0) result.set(name, value);
    }
  }
  for (const entry of container.env ?? []) {
    const value = entry.valueFrom === undefined ? expand(entry.value ?? '', result) : await valueFrom(entry.valueFrom, pod, container, sources);
    if (value !== undefined) result.set(entry.name, value);
  }
  return [...result].map(([name, value]) => ({ name, value }));
}

/** Those of its namespace, if it wants them, and always the API server: a Service of that name of its own comes before the one in `default`. */
function servicesFor({ spec }: Pod, namespace: string, { services }: EnvSources): readonly Service[] {
  const own = spec.enableServiceLinks === false ? [] : services(namespace);
  const isApi = ({ metadata: { name } }: Service): boolean => name === 'kubernetes';
  return own.some(isApi) ? own : [...services('default').filter(isApi), ...own];
}

type From = NonNullable<Container['envFrom']>[number];
type ValueSource = NonNullable<NonNullable<Container['env']>[number]['valueFrom']>;

async function entriesOf(source: From, namespace: string, sources: EnvSources): Promise<readonly (readonly [string, string])[]> {
  if (source.configMapRef !== undefined) {
    const map = await sources.configMap(namespace, source.configMapRef.name ?? '');
    if (map !== undefined) return Object.entries(map.data ?? {});
    if (source.configMapRef.optional !== true) throw new ConfigError(`configmap "${source.configMapRef.name}" not found`);
  } else if (source.secretRef !== undefined) {
    const secret = await sources.secret(namespace, source.secretRef.name ?? '');
    if (secret !== undefined) return Object.entries(secret.data ?? {}).map(([key, value]) => [key, decode(value)]);
    if (source.secretRef.optional !== true) throw new ConfigError(`secret "${source.secretRef.name}" not found`);
  }
  return [];
}

async function valueFrom(from: ValueSource, pod: Pod, container: Container, sources: EnvSources): Promise<string | undefined> {
  const namespace = pod.metadata.namespace ?? 'default';
  if (from.fieldRef !== undefined) return fieldValue(pod, from.fieldRef.fieldPath, sources);
  if (from.resourceFieldRef !== undefined) return resourceValue(pod, container, from.resourceFieldRef, sources);
  if (from.configMapKeyRef !== undefined) {
    const { name = '', key, optional } = from.configMapKeyRef;
    const map = await sources.configMap(namespace, name);
    const value = map?.data?.[key] ?? (map?.binaryData?.[key] === undefined ? undefined : decode(map.binaryData[key]));
    if (value !== undefined || optional === true) return value;
    throw new ConfigError(map === undefined ? `configmap "${name}" not found` : `couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
  }
  if (from.secretKeyRef !== undefined) {
    const { name = '', key, optional } = from.secretKeyRef;
    const secret = await sources.secret(namespace, name);
    const value = secret?.data?.[key];
    if (value !== undefined) return decode(value);
    if (optional === true) return undefined;
    throw new ConfigError(secret === undefined ? `secret "${name}" not found` : `couldn't find key ${key} in Secret ${namespace}/${name}`);
  }
  throw new ConfigError('an environment variable names no source that this agent knows');
}

/** The value of a downward API field. Throws {@link ConfigError} for a path that does not exist. */
export function fieldValue(pod: Pod, path: string, sources: Pick<EnvSources, 'podIPs' | 'hostIP'>): string {
  const { metadata, spec } = pod;
  const keyed = /^metadata\.(labels|annotations)\['([^']{1,400})'\]$/.exec(path);
  if (keyed !== null) return metadata[keyed[1] as 'labels' | 'annotations']?.[keyed[2] as string] ?? '';
  const list = (map: Readonly<Record<string, string>> = {}): string => Object.keys(map).sort().map((key) => `${key}=${JSON.stringify(map[key])}`).join('\n');
  switch (path) {
    case 'metadata.name':
      return metadata.name ?? '';
    case 'metadata.namespace':
      return metadata.namespace ?? '';
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return list(metadata.labels);
    case 'metadata.annotations':
      return list(metadata.annotations);
    case 'spec.nodeName':
      return spec.nodeName ?? '';
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? '';
    case 'status.podIP':
      return sources.podIPs[0] ?? '';
    case 'status.podIPs':
      return sources.podIPs.join(',');
    case 'status.hostIP':
    case 'status.hostIPs':
      return sources.hostIP;
    default:
      throw new ConfigError(`field ${JSON.stringify(path)} is not available to containers`);
  }
}

/** The value of a resource field in units of its divisor, rounded up. */
export function resourceValue(
  pod: Pod,
  container: Container,
  ref: { readonly containerName?: string | undefined; readonly resource: string; readonly divisor?: string | undefined },
  sources: Pick<EnvSources, 'allocatable'>,
): string {
  const target = ref.containerName === undefined || ref.containerName === '' ? container : [...(pod.spec.initContainers ?? []), ...pod.spec.containers].find(({ name }) => name === ref.containerName);
  const match = /^(limits|requests)\.(.+)$/.exec(ref.resource);
  if (target === undefined || match === null) throw new ConfigError(`resource ${JSON.stringify(ref.resource)} of container ${JSON.stringify(ref.containerName ?? '')} is not available`);
  const [, side, name] = match as unknown as [string, 'limits' | 'requests', string];
  const text = target.resources?.[side]?.[name] ?? (side === 'limits' ? sources.allocatable[name] : undefined) ?? '0';
  const quantity = parseQuantity(text);
  const divisor = parseQuantity(ref.divisor === undefined || ref.divisor === '' || ref.divisor === '0' ? '1' : ref.divisor);
  if (quantity === undefined || divisor === undefined) throw new ConfigError(`resource ${JSON.stringify(ref.resource)} is not a quantity`);
  // Cpu counts in thousandths, everything else in units; both sides alike, so the quotient is right.
  const scale = name === 'cpu' ? -3 : 0;
  const amount = int64Value(quantity, scale);
  const unit = int64Value(divisor, scale);
  return unit <= 0n ? '0' : String((amount + unit - 1n) / unit);
}

const REFERENCE = /\$(\$|\(([^()]{1,400})\))/g;

/** Replaces `$(NAME)` by the value of NAME, `$$` by `$`, and leaves unknown names as they are (third_party/forked/golang/expansion). */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(REFERENCE, (whole, inner: string, name: string | undefined) => (inner === '$' ? '$' : (values.get(name ?? '') ?? whole)));
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');
