/**
 * The kubelet's own server, and the API server's way to it: logs, commands, ports and measures of pods whose agents are on other machines.
 * @packageDocumentation
 */
export { type NodeCredentials } from './client/dial.js';
export { type NodeEndpoint } from './client/endpoint.js';
export { NodeLine, type NodeLineOptions } from './client/node-line.js';
export { nodeServer } from './node-server.js';
export { remoteNodes } from './remote-nodes.js';
export { NodeServer, type NodeServerOptions } from './server/node-server.js';
export { type NodeMeasures } from './wire/summary.js';
