import { parseArgs } from 'node:util';
import { assemble } from './assemble.js';
import { Screen } from './screen.js';
import { storeNamed } from './store.js';
import { Tour } from './tour.js';

const { values } = parseArgs({ options: { serve: { type: 'boolean', default: false }, runtime: { type: 'string', default: 'process' }, store: { type: 'string', default: 'memory' } } });
if (values.runtime !== 'process' && values.runtime !== 'docker') {
  console.error(`--runtime is process or docker, not ${JSON.stringify(values.runtime)}`);
  process.exit(2);
}

const screen = new Screen();
const store = await storeNamed(values.store).catch((error: unknown) => {
  console.error(error instanceof RangeError ? error.message : error);
  process.exit(2);
});
screen.step('Assemble an orchestrator from embedded parts: store, scheduler, controllers, runtime, userspace proxy');
const { orchestrator, place } = await assemble(values.runtime, store);
screen.text(`${store.title}, ${place.title}`);
const tour = new Tour(orchestrator, place, store.stateDir, screen);

try {
  await orchestrator.start();
  screen.ok(`started after ${screen.seconds.toFixed(2)} s`);
  if (values.serve) {
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
  await place.close();
  store.close();
}
