import type * as Grpc from '@grpc/grpc-js';
import type { MethodDefinition } from '@grpc/grpc-js';
import { DESCRIPTOR } from './proto.js';

/** gRPC and the methods of etcd, loaded when the first call is made: importing them takes about a tenth of a second. */
export interface Driver {
  readonly grpc: typeof Grpc;
  /** By path, e.g. `KV/Range`. */
  method(path: string): MethodDefinition<object, object>;
}

let loading: Promise<Driver> | undefined;

/** Loads the driver once a process. */
export function loadDriver(): Promise<Driver> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Driver> {
  const [grpc, { fromJSON }] = await Promise.all([import('@grpc/grpc-js'), import('@grpc/proto-loader')]);
  const definition = fromJSON(DESCRIPTOR as never, { longs: Number, enums: String, defaults: true });
  const methods = new Map<string, MethodDefinition<object, object>>();
  for (const service of ['KV', 'Watch', 'Lease', 'Auth']) {
    for (const [name, method] of Object.entries(definition[`etcdserverpb.${service}`] ?? {})) methods.set(`${service}/${name}`, method as MethodDefinition<object, object>);
  }
  return { grpc, method: (path) => methods.get(path) as MethodDefinition<object, object> };
}
