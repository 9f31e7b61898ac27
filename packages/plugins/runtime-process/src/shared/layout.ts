import { join } from 'node:path';

// Where things are in the state directory. Host and helper agree on it here and nowhere else.
//
//   instance.json            which runtime this is; its key names the lock
//   helper.sock, helper.log  the helper's front door and its last words
//   journal                  what exists and how it is: one line a change
//   fifos/<n>                named pipes for output, made ahead of need
//   containers/<id>/         <n>.log from the first output on; rootfs/ with links to mounts, if there are any

/** Paths of one state directory. Ids must have been checked with `isId`. */
export const layout = {
  instance: (stateDir: string): string => join(stateDir, 'instance.json'),
  helperLog: (stateDir: string): string => join(stateDir, 'helper.log'),
  socket: (stateDir: string): string => join(stateDir, 'helper.sock'),
  journal: (stateDir: string): string => join(stateDir, 'journal'),
  fifos: (stateDir: string): string => join(stateDir, 'fifos'),
  containers: (stateDir: string): string => join(stateDir, 'containers'),
  container: (stateDir: string, id: string): string => join(stateDir, 'containers', id),
  rootfs: (stateDir: string, id: string): string => join(stateDir, 'containers', id, 'rootfs'),
} as const;

/** What a host tells the helper it starts. Travels as the one command line argument; holds no secrets. */
export interface HelperOptions {
  readonly stateDir: string;
  /** Usually in the state directory; elsewhere when that path is too long for a Unix socket. */
  readonly socketPath: string;
  /** How long the helper stays with nobody connected and nothing running, milliseconds. */
  readonly lingerMs: number;
  /** A block of 127.0.0.0/8; absent: the first free /16. */
  readonly podCIDR?: string;
  /** A log file is closed and the next begun above this many bytes. */
  readonly logMaxBytes: number;
  /** How many files of one container's log are kept, the current one included. */
  readonly logMaxFiles: number;
  /** `auto`: use control groups where this user may make them. */
  readonly cgroups: 'auto' | 'off';
}
