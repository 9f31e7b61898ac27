/**
 * The Kubernetes API of a server elsewhere: the line over which Orrery's parts work on a cluster that is not in their process.
 * @packageDocumentation
 */
export type { Connection, ConnectionTls } from './credentials/connection.js';
export { type ConnectionSources, findConnection } from './credentials/find-connection.js';
export { connectionOf, type KubeconfigReading } from './credentials/kubeconfig.js';
export { fixedToken, tokenFromFile, type TokenSource } from './credentials/tokens.js';
export { HttpTransport, type HttpTransportOptions } from './http-transport.js';
export { type ClientLimits, DEFAULT_CLIENT_LIMITS } from './limits.js';
export { remoteApi } from './remote-api.js';
