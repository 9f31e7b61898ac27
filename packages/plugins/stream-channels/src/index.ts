/**
 * Commands, attached clients and forwarded ports over WebSockets with channels (`v4.channel.k8s.io`, `v5.channel.k8s.io`): what an API server and a node have in common. A library: it takes no seat.
 * @packageDocumentation
 */
export { BytePipe } from './byte-pipe.js';
export { CHANNEL, clientMessage, type ClientMessage, exitStatus, failureStatus, serverMessage } from './channels.js';
export { Handshakes, offeredProtocols, tokenOfProtocols, type Upgrade, type UpgradeListener, wantsWebSocket, withToken } from './handshake.js';
export { type ConnectPort, servePortChannels, type ServedPorts } from './port-channels.js';
export { type ClientSide, copyPort } from './port-copy.js';
export { type RemoteCommand, serveCommand } from './remote-command.js';
export { CLOSE, type MessageTunnel, Tunnel, type TunnelOptions } from './tunnel.js';
export { served } from './upgraded-response.js';
