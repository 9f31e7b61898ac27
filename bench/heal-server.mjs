// Listens on the address it is given: what the heal benchmark kills.
import { createServer } from 'node:net';
createServer((socket) => socket.end()).listen(Number(process.env.PORT ?? 8080), process.env.POD_IP ?? '127.0.0.1');
