import { Agent } from 'node:http';
import { inspect } from 'node:util';

/** So many short calls are under way at once; more wait here instead of in the engine's accept queue. */
const MAX_SHORT_CALLS = 64;

/** The driver formats every request for its debug log, agent and all its sockets included, also when nobody reads it: this keeps that cheap. */
function quiet(agent: Agent): Agent {
  return Object.assign(agent, { [inspect.custom]: () => 'Agent' });
}

/** Connections of calls that answer and end; kept open between calls. */
export function shortCallAgent(): Agent {
  return quiet(new Agent({ keepAlive: true, maxSockets: MAX_SHORT_CALLS, maxFreeSockets: 8, scheduling: 'lifo' }));
}

/**
 * Connections that last: events, followed logs, attach, exec, waits. One each and without a limit, so that streams never take the place
 * of calls (with a shared pool five attached clients freeze everything: apocas/docker-modem#23).
 */
export function streamAgent(): Agent {
  return quiet(new Agent({ keepAlive: false, maxSockets: Infinity }));
}
