// Answers each request after a millisecond or so of work: what the contention benchmark wants to keep quick.
import { createServer } from 'node:http';

function work() {
  let sum = 0;
  for (let i = 0; i < 300_000; i += 1) sum += Math.sqrt(i);
  return sum;
}

createServer((_request, response) => response.end(String(work()))).listen(Number(process.env.PORT ?? 8080), process.env.POD_IP ?? '127.0.0.1', () => console.log('ready'));
