// What runs in a sandbox: answers `POST /run` with what a piece of JavaScript evaluates to. For the example only: the vm module is no security boundary.
import { createServer } from 'node:http';
import { runInNewContext } from 'node:vm';

const LIMIT = 64 * 1024;
const { POD_IP = '127.0.0.1' } = process.env;

const server = createServer((request, response) => {
  if (request.method !== 'POST') return response.end('ready\n');
  const chunks = [];
  let size = 0;
  request.on('data', (chunk) => {
    size += chunk.length;
    if (size > LIMIT) request.destroy();
    else chunks.push(chunk);
  });
  request.on('end', () => {
    try {
      response.end(String(runInNewContext(Buffer.concat(chunks).toString('utf8'), {}, { timeout: 1_000 })));
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  });
});
server.listen(8080, POD_IP);
process.once('SIGTERM', () => process.exit(0));
