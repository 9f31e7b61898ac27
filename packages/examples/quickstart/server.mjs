// A small HTTP server, as an application would be: it says who it is, and on SIGTERM answers what it has begun before it ends.
import { createServer } from 'node:http';

const { POD_NAME = 'nobody', POD_IP = '127.0.0.1', VERSION = 'none' } = process.env;

const server = createServer((request, response) => {
  if (request.url === '/ready') return response.end('ready\n');
  response.setHeader('content-type', 'application/json');
  return response.end(`${JSON.stringify({ pod: POD_NAME, version: VERSION, pid: process.pid })}\n`);
});

server.listen(8080, POD_IP, () => console.log(`${POD_NAME} listens on ${POD_IP}:8080`));

process.on('SIGTERM', () => {
  console.log('ending');
  server.close();
  server.closeIdleConnections();
});
