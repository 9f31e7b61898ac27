import { runSuite, type SuiteApi, type SuiteCase } from '../suite.js';
import { connectionCases } from './connection-cases.js';
import type { ProxyContext } from './context.js';
import { routeCases } from './route-cases.js';
import { udpCases } from './udp-cases.js';

export type { ProxyContext } from './context.js';
export { proxyMutants, type ProxyMutant } from './mutants.js';
export { RelayFarm, type RelayBehaviour } from './relays.js';

/** Every promise of the proxy contract. */
export const proxyCases: readonly SuiteCase<ProxyContext>[] = [...routeCases, ...connectionCases, ...udpCases];

/**
 * Runs the proxy suite with a test runner. Each case gets a fresh proxy and starts real sockets on loopback addresses:
 * `proxyConformance({ describe, it }, 'userspace', async () => ({ proxy, protocols: ['TCP', 'UDP'], … }))`.
 */
export function proxyConformance(api: SuiteApi, name: string, create: () => Promise<ProxyContext>): void {
  runSuite(api, `proxy ${name}`, proxyCases, create);
}
