// Takes all the processors and ever more memory, up to a bound that spares a machine on which nobody stops it.
import { Worker } from 'node:worker_threads';

const LOOPS = 4;
const STEP_BYTES = 32 * 2 ** 20;
const MOST_BYTES = Number(process.env.MOST_BYTES ?? 2 ** 31);

for (let i = 0; i < LOOPS; i += 1) new Worker('for (;;);', { eval: true });
const held = [];
setInterval(() => {
  if (held.length * STEP_BYTES < MOST_BYTES) held.push(Buffer.alloc(STEP_BYTES, 1));
}, 50);
