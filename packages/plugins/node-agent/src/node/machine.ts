import { arch, availableParallelism, hostname, machine, release, totalmem, type } from 'node:os';

/** What a node has to offer and what it is, as the Node object shows it. */
export interface MachineFacts {
  readonly hostname: string;
  readonly capacity: Readonly<Record<string, string>>;
  readonly architecture: string;
  readonly operatingSystem: string;
  readonly kernelVersion: string;
}

/** Kubernetes' default of pods on a node. */
const MAX_PODS = 110;

/** Reads the machine this process runs on. */
export function readMachine(): MachineFacts {
  const go: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64', arm: 'arm', ppc64: 'ppc64le', s390x: 's390x', ia32: '386', riscv64: 'riscv64' };
  return {
    hostname: hostname().toLowerCase(),
    capacity: { cpu: String(availableParallelism()), memory: `${Math.floor(totalmem() / 1024)}Ki`, pods: String(MAX_PODS) },
    architecture: go[arch()] ?? machine(),
    operatingSystem: type().toLowerCase(),
    kernelVersion: release(),
  };
}
