/** A name that nobody else on this machine can hold. */
export interface Claim extends AsyncDisposable {
  readonly name: string;
}

/**
 * Takes a name that only one holder in this network namespace can have; undefined when somebody has it. It is an abstract Unix socket: unlike a lock file
 * it cannot be stale, since the kernel takes it back when the process ends, however it ends. Systems other than Linux have no such names:
 * there everybody gets what they ask for. It keeps no process alive; disposing twice is fine.
 * @param name at most 100 bytes
 */
export async function claimName(name: string, platform: string = process.platform): Promise<Claim | undefined> {
  if (platform !== 'linux') return { name, [Symbol.asyncDispose]: async () => {} };
  const { createServer } = await import('node:net');
  const server = createServer((socket) => socket.destroy());
  const held = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(false) : reject(error)));
    server.listen(`\0${name}`, () => resolve(true));
  });
  if (!held) return undefined;
  server.unref();
  // The error of closing twice is that it is closed: what was wanted.
  return { name, [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) };
}
