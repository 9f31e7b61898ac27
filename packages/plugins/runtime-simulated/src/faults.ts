import type { RuntimeEvent } from '@orrery/core';

/** The methods of a runtime that can be disturbed. */
export type SimulatedOperation =
  | 'ready' | 'runSandbox' | 'stopSandbox' | 'removeSandbox' | 'listSandboxes' | 'createContainer' | 'startContainer' | 'stopContainer' | 'updateContainer'
  | 'removeContainer' | 'containerStatus' | 'listContainers' | 'logs' | 'exec' | 'stats' | 'pullImage' | 'imageStatus' | 'listImages' | 'removeImage';

/** Where a simulation makes the runtime misbehave. Every hook is optional; hooks decide by themselves, usually with a seeded `Random`. */
export interface SimulatedFaults {
  /** Called before anything is done. May wait (a slow engine) or throw (the engine did not get the request). */
  before?(operation: SimulatedOperation, subject: string): Promise<void> | void;
  /** Called when all is done, before the caller hears of it. May wait, or throw: the work was done but its reply is lost. */
  after?(operation: SimulatedOperation, subject: string): Promise<void> | void;
  /** True: nobody hears of this event. */
  dropEvent?(event: RuntimeEvent): boolean;
  /** True: instead of this event the stream of events breaks off with `UNAVAILABLE`. Asked once for every stream that is open. */
  cutEvents?(event: RuntimeEvent): boolean;
}
