import { Duplex } from 'node:stream';
import type { DuplexStream } from '@orrery/core';

/** Two byte streams as Node's parsers of HTTP and TLS want them. Destroying it closes them. @param used called when something goes either way */
export function duplexOf(stream: DuplexStream, used: () => void): Duplex {
  const pieces = stream.readable[Symbol.asyncIterator]();
  let isReading = false;
  const duplex: Duplex = new Duplex({
    allowHalfOpen: true,
    read() {
      if (isReading) return;
      isReading = true;
      pieces.next().then(
        (next) => {
          isReading = false;
          used();
          duplex.push(next.done === true ? null : next.value);
        },
        (error: unknown) => void duplex.destroy(error as Error),
      );
    },
    write(chunk: Buffer, _encoding, done) {
      used();
      stream.write(chunk).then(() => done(), done);
    },
    final(done) {
      stream.end();
      done();
    },
    destroy(error, done) {
      stream.close().then(() => done(error), done);
    },
  });
  // HTTP clients set these on sockets.
  return Object.assign(duplex, { setNoDelay: () => duplex, setKeepAlive: () => duplex, setTimeout: () => duplex, ref: () => duplex, unref: () => duplex });
}
