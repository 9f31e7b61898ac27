import { rmSync } from 'node:fs';
import { assemble } from './assemble.js';
import { Screen } from './screen.js';
import { Tour } from './tour.js';

const screen = new Screen();
screen.step('Assemble an orchestrator from embedded parts: memory store, scheduler, controllers, process runtime, userspace proxy');
const { orchestrator, stateDir } = await assemble();
const tour = new Tour(orchestrator, stateDir, screen);

try {
  await orchestrator.start();
  screen.ok(`started after ${screen.seconds.toFixed(2)} s`);
  if (process.argv.includes('--serve')) {
    await tour.deploy();
    screen.text('Serving until interrupted (Ctrl-C).');
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve);
      process.once('SIGTERM', resolve);
    });
    await tour.stop();
  } else {
    await tour.run();
    screen.ok(`every step was seen to hold; the tour took ${screen.seconds.toFixed(1)} s`);
  }
} catch (error) {
  screen.failed(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  await orchestrator.stop().catch((error: unknown) => {
    screen.failed(`stopping failed: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
  rmSync(stateDir, { recursive: true, force: true });
}
