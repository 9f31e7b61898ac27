import type { Service } from '@orrery/core';

/** One variable. */
export interface EnvEntry {
  readonly name: string;
  readonly value: string;
}

/** Variables that tell a container where services are (kubelet/envvars FromServices): `X_SERVICE_HOST`, `X_SERVICE_PORT` and Docker's link variables. */
export function serviceEnvironment(services: readonly Service[]): readonly EnvEntry[] {
  return services.filter(({ spec }) => spec.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None').flatMap(variablesOf);
}

/** Variables by which client libraries in pods find the API server (rest.InClusterConfig). */
export function apiEnvironment(at: { readonly host: string; readonly port: number } | undefined): readonly EnvEntry[] {
  if (at === undefined) return [];
  const value = String(at.port);
  return [{ name: 'KUBERNETES_SERVICE_HOST', value: at.host }, { name: 'KUBERNETES_SERVICE_PORT', value }, { name: 'KUBERNETES_SERVICE_PORT_HTTPS', value }];
}

function variablesOf(service: Service): EnvEntry[] {
  const name = envName(service.metadata.name ?? '');
  const host = service.spec.clusterIP ?? '';
  const ports = service.spec.ports ?? [];
  const first = ports[0];
  if (first === undefined) return [];
  const entries: EnvEntry[] = [
    { name: `${name}_SERVICE_HOST`, value: host },
    { name: `${name}_SERVICE_PORT`, value: String(first.port) },
  ];
  for (const port of ports) if ((port.name ?? '') !== '') entries.push({ name: `${name}_SERVICE_PORT_${envName(port.name ?? '')}`, value: String(port.port) });
  ports.forEach((port, index) => {
    const protocol = (port.protocol ?? 'TCP').toLowerCase();
    const url = `${protocol}://${host.includes(':') ? `[${host}]` : host}:${port.port}`;
    const prefix = `${name}_PORT_${port.port}_${protocol.toUpperCase()}`;
    if (index === 0) entries.push({ name: `${name}_PORT`, value: url });
    entries.push({ name: prefix, value: url }, { name: `${prefix}_PROTO`, value: protocol }, { name: `${prefix}_PORT`, value: String(port.port) }, { name: `${prefix}_ADDR`, value: host });
  });
  return entries;
}

const envName = (text: string): string => text.replaceAll('-', '_').toUpperCase();
