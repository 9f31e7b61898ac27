import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { silentLogger } from '@orrery/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from './limits.js';
import { Listener } from './listener.js';
import { TestAuthority } from './test/certificates.js';

// What a stop may not wait for.

let folder = '';
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'orrery-listener-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a listener that closes', () => {
  it('ends connections that never began their handshake, are in it, or are idle', async () => {
    const authority = new TestAuthority(folder);
    const listener = new Listener({ handle: (_request, response) => response.end('x'), upgrade: (_request, socket) => socket.destroy() }, authority.server(), DEFAULT_LIMITS, silentLogger);
    const { port } = await listener.listen({ host: '127.0.0.1', port: 0 });
    const silent = connect(port, '127.0.0.1');
    const halfway = connect(port, '127.0.0.1');
    const idle = connectTls({ port, host: '127.0.0.1', ca: authority.certificate });
    // Destroyed with bytes unread, a connection may end in a reset: that is an end, too.
    const ends = [silent, halfway, idle].map((socket) => new Promise((ended) => socket.resume().on('error', () => socket.destroy()).once('close', ended)));
    await Promise.all([once(silent, 'connect'), once(halfway, 'connect'), once(idle, 'secureConnect')]);
    // The beginning of a record of a handshake whose rest never comes.
    halfway.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]));
    await listener.close(Promise.resolve());
    await Promise.all(ends);
    const [error] = (await once(connect(port, '127.0.0.1'), 'error')) as [NodeJS.ErrnoException];
    expect(error.code).toBe('ECONNREFUSED');
  }, 5_000);
});
