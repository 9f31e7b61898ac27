// A service whose every request costs ten milliseconds of cpu, whoever else wants the processor.
import { createServer } from 'node:http';

const COST_MICROS = 10_000;
const spent = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

const server = createServer((request, response) => {
  const until = spent() + COST_MICROS;
  while (spent() < until);
  response.end(`${process.env.POD_NAME}\n`);
});
server.listen(8080, process.env.POD_IP);
process.on('SIGTERM', () => server.close(() => process.exit(0)));
