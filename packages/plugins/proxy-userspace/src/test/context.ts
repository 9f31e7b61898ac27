import { type Clock, silentLogger, systemClock } from '@orrery/core';
import type { ProxyContext } from '@orrery/core/testing';
import { UserspaceProxy } from '../userspace-proxy.js';

let cases = 0;

/** The machine's clock, whose monotonic time can be moved: I/O is real, waiting is not. */
function movable(): { readonly clock: Clock; advance(ms: number): void } {
  let ahead = 0;
  return { clock: { ...systemClock, monotonic: () => systemClock.monotonic() + ahead }, advance: (ms) => void (ahead += ms) };
}

/** A proxy for one conformance case, on addresses that no other test process uses. */
export async function proxyContext(): Promise<ProxyContext> {
  const { clock, advance } = movable();
  const nodeAddress = `127.254.${process.pid & 0xff}.${(cases += 1) % 250}`;
  const made: UserspaceProxy[] = [];
  const make = (): UserspaceProxy => {
    const proxy = new UserspaceProxy({
      clock,
      log: silentLogger,
      nodeName: 'this-node',
      nodeAddresses: [nodeAddress],
      drainMs: 30_000,
      closeDrainMs: 50,
      maxConnections: 10_000,
      udpIdleMs: 60_000,
      maxUdpClients: 1_000,
    });
    made.push(proxy);
    return proxy;
  };
  const proxy = make();
  let addresses = 0;
  return {
    proxy,
    protocols: ['TCP', 'UDP'],
    serviceAddress: () => `127.255.${process.pid & 0xff}.${1 + ((cases * 16 + addresses++) % 253)}`,
    nodeName: 'this-node',
    nodePort: () => ({ address: nodeAddress, port: 30_080 }),
    advance,
    listens: true,
    successor: async () => {
      await proxy.close();
      return make();
    },
    cleanup: async () => {
      for (const one of made) await one.close();
    },
  };
}
