import { ApiError, type FieldError, fieldError, type Network, OrreryError, type Random, Service } from '@orrery/core';
import { fillFamilies } from './families.js';
import { nodePortsOf, planNodePorts, takesAddress, takesHealthPort, takesNodePorts } from './needs.js';
import { AddressPool, type Block, PortPool, type Refusal } from './ranges.js';

/** How what is held is named. */
const ADDRESS = 'ip/';
const PORT = 'port/';

/** What the network gives out. */
export interface LoopbackNetworkOptions {
  readonly block: Block;
  /** First and last node port; default 30000 and 32767. */
  readonly nodePorts?: { readonly first: number; readonly last: number };
  readonly random: Random;
}

/**
 * Addresses and node ports of Services, by the rules of Kubernetes' own allocators (pkg/registry/core/service/storage/alloc.go) for a cluster with IPv4 alone.
 * Opens nothing: the proxy listens on what is given out here.
 */
export class LoopbackNetwork implements Network {
  readonly addresses: AddressPool;
  readonly ports: PortPool;

  constructor({ block, nodePorts = { first: 30_000, last: 32_767 }, random }: LoopbackNetworkOptions) {
    this.addresses = new AddressPool(block, random);
    this.ports = new PortPool(nodePorts.first, nodePorts.last, random);
  }

  allocate(draft: Service, old: Service | undefined): () => void {
    const taken: (() => void)[] = [];
    const undo = (): void => {
      for (const give of taken.splice(0)) give();
    };
    try {
      this.#allocateAddress(draft, old, taken);
      this.#allocateNodePorts(draft, old, taken);
      this.#allocateHealthPort(draft, old, taken);
    } catch (error) {
      undo();
      throw error;
    }
    return undo;
  }

  holds(service: Service): readonly string[] {
    return [...addressesOf(service).map((address) => `${ADDRESS}${address}`), ...[...heldPorts(service)].map((port) => `${PORT}${port}`)];
  }

  /** Addresses outside the block (of a former configuration, or of another orchestrator on the store) are left alone. */
  take(names: readonly string[]): void {
    for (const name of names) {
      if (name.startsWith(ADDRESS)) this.addresses.take(name.slice(ADDRESS.length));
      else if (name.startsWith(PORT)) this.ports.take(Number(name.slice(PORT.length)));
    }
  }

  free(names: readonly string[]): void {
    for (const name of names) {
      if (name.startsWith(ADDRESS)) this.addresses.release(name.slice(ADDRESS.length));
      else if (name.startsWith(PORT)) this.ports.release(Number(name.slice(PORT.length)));
    }
  }

  #allocateAddress(draft: Service, old: Service | undefined, taken: (() => void)[]): void {
    const { spec } = draft;
    if (spec.type === 'ExternalName') return;
    refuse(draft, fillFamilies(draft));
    if (spec.clusterIPs?.[0] === 'None' || spec.clusterIP === 'None') {
      spec.clusterIP = 'None';
      spec.clusterIPs = ['None'];
      return;
    }
    const wanted = spec.clusterIPs?.[0] ?? spec.clusterIP ?? '';
    if (wanted !== '' && old !== undefined && addressesOf(old).includes(wanted)) return;
    const address = wanted === '' ? this.addresses.takeAny() : wanted;
    if (address === undefined) throw new OrreryError('EXHAUSTED', `All service addresses of ${this.addresses.block.cidr} are taken.`, { serviceCIDR: this.addresses.block.cidr });
    const refusal = wanted === '' ? undefined : this.addresses.take(address);
    if (refusal !== undefined) refuse(draft, [fieldError.invalid('spec.clusterIPs', [address], `failed to allocate IP ${address}: ${this.#noAddress(address, refusal)}`)]);
    taken.push(() => this.addresses.release(address));
    spec.clusterIP = address;
    spec.clusterIPs = [address];
  }

  #allocateNodePorts(draft: Service, old: Service | undefined, taken: (() => void)[]): void {
    for (const { index, port } of planNodePorts(draft, old)) {
      const servicePort = draft.spec.ports?.[index];
      if (servicePort === undefined) continue;
      // Ports of one service that share a number (TCP and UDP) share the node port: the plan says so by pointing at the one that got it.
      if (port.kind === 'same') servicePort.nodePort = draft.spec.ports?.[port.as]?.nodePort;
      else servicePort.nodePort = this.#takePort(draft, `spec.ports[${index}].nodePort`, port.kind === 'this' ? port.number : undefined, taken);
    }
  }

  #allocateHealthPort(draft: Service, old: Service | undefined, taken: (() => void)[]): void {
    const { spec } = draft;
    if (!takesHealthPort(draft)) return;
    const wanted = spec.healthCheckNodePort ?? 0;
    const held = old !== undefined && takesHealthPort(old) ? (old.spec.healthCheckNodePort ?? 0) : 0;
    if (held !== 0 && (wanted === 0 || wanted === held)) spec.healthCheckNodePort = held;
    else spec.healthCheckNodePort = this.#takePort(draft, 'spec.healthCheckNodePort', wanted === 0 ? undefined : wanted, taken);
  }

  #takePort(draft: Service, field: string, wanted: number | undefined, taken: (() => void)[]): number {
    const port = wanted ?? this.ports.takeAny();
    if (port === undefined) throw new OrreryError('EXHAUSTED', `All node ports from ${this.ports.first} to ${this.ports.last} are taken.`, {});
    const refusal = wanted === undefined ? undefined : this.ports.take(port);
    if (refusal === 'taken') refuse(draft, [fieldError.invalid(field, port, 'provided port is already allocated')]);
    if (refusal === 'outside') {
      refuse(draft, [fieldError.invalid(field, port, `provided port is not in the valid range. The range of valid ports is ${this.ports.first}-${this.ports.last}`)]);
    }
    taken.push(() => this.ports.release(port));
    return port;
  }

  #noAddress(address: string, refusal: Refusal): string {
    if (refusal === 'taken') return 'provided IP is already allocated';
    return `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${this.addresses.block.cidr}`;
  }
}

/** Every address that a Service holds. */
function addressesOf(service: Service): readonly string[] {
  if (!takesAddress(service)) return [];
  const { clusterIPs, clusterIP = '' } = service.spec;
  return (clusterIPs ?? [clusterIP]).filter((address) => address !== '');
}

/** Every node port that a Service holds, that of the health check included. */
function heldPorts(service: Service): ReadonlySet<number> {
  const ports = new Set(takesNodePorts(service) ? nodePortsOf(service) : []);
  const health = service.spec.healthCheckNodePort ?? 0;
  if (takesHealthPort(service) && health !== 0) ports.add(health);
  return ports;
}

function refuse(service: Service, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw ApiError.invalid(Service, service.metadata.name ?? service.metadata.generateName ?? '', errors);
}
