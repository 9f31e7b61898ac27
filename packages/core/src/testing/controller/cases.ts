import { ApiError } from '../../model/api-error.js';
import { SeededRandom } from '../seeded-random.js';
import { check, type SuiteCase } from '../suite.js';
import type { ControllerBench } from './bench.js';

const HOUR = 3_600_000;
/** Attempts in an hour of refusals: with back-off from 5 ms a key makes some twenty; a slow start or a few keys may multiply that. */
const MOST_ATTEMPTS = 400;
/** Writes after each of which a controller is killed once. */
const CRASHES = 12;

const conflict = (): ApiError => new ApiError('Conflict', 'the object has been modified; please apply your changes to the latest version and try again');

/** Every promise of a controller that can be tested from outside. */
export const controllerCases: readonly SuiteCase<ControllerBench>[] = [
  {
    name: 'brings about what is declared, and follows every change',
    async run(bench) {
      await bench.begin();
      await bench.change();
    },
  },
  {
    name: 'is quiet at rest: an hour without a change is an hour without a write',
    async run(bench) {
      await bench.begin();
      const { attempts } = bench.transport;
      await bench.clock.advance(HOUR);
      check.equal(bench.transport.attempts - attempts, 0, 'Writes that a controller at rest tries in an hour.');
    },
  },
  {
    name: 'is idempotent: a restart that finds everything done writes nothing',
    async run(bench) {
      await bench.begin();
      await bench.stop();
      const { attempts } = bench.transport;
      await bench.start();
      await bench.settle();
      check.equal(bench.transport.attempts - attempts, 0, 'Writes of a restarted controller that has nothing to do.');
    },
  },
  {
    name: 'is level-triggered: what changed while it was away is made good',
    async run(bench) {
      await bench.begin();
      await bench.stop();
      for (const { run } of bench.fixture.changes) await run(bench.client);
      await bench.start();
      await bench.settle();
      await bench.content(bench.fixture.changes.length, 'After changes while it was away');
    },
  },
  {
    name: 'is level-triggered: events that were lost are made good by the next list',
    async run(bench) {
      await bench.begin();
      bench.transport.faults.deaf = true;
      for (const { run } of bench.fixture.changes) await run(bench.client);
      await bench.clock.advance(5_000);
      bench.transport.hear();
      await bench.settle();
      await bench.content(bench.fixture.changes.length, 'After lost events');
    },
  },
  {
    name: 'survives conflicts: a refused write is decided about anew',
    async run(bench) {
      const chance = new SeededRandom(7);
      let left = 40;
      bench.transport.faults.refuse = () => {
        // By chance and not in turn: a controller whose writes come in pairs would always meet the same fate.
        if (left-- > 0 && chance.float() < 0.5) throw conflict();
      };
      await bench.begin();
      await bench.change();
    },
  },
  {
    name: 'survives a stale cache: what it wrote and cannot see yet is not written again',
    async run(bench) {
      bench.transport.faults.lagMs = 1_500;
      await bench.begin();
      await bench.change();
    },
  },
  {
    name: 'survives being killed after any write',
    async run(bench) {
      await bench.fixture.seed(bench.client);
      for (let crash = 1; crash <= CRASHES; crash++) {
        const last = bench.transport.writes + crash;
        // From here on the killed one cannot write any more, whatever it is still up to.
        bench.transport.faults.refuse = () => {
          if (bench.transport.writes >= last) throw new ApiError('ServiceUnavailable', 'the process is gone');
        };
        await bench.start();
        await bench.clock.advance(500);
        await bench.stop();
        await bench.fixture.others?.(bench.client);
        bench.whole();
      }
      bench.transport.faults.refuse = undefined;
      await bench.start();
      await bench.settle();
      await bench.content(0, 'After many restarts');
    },
  },
  {
    name: 'does not try hot: refusals are met with back-off, and the end of them with work',
    async run(bench) {
      await bench.fixture.seed(bench.client);
      bench.transport.faults.refuse = () => {
        throw new ApiError('Forbidden', 'not now');
      };
      await bench.start();
      await bench.clock.advance(HOUR);
      check.that(bench.transport.attempts > 0, 'The controller tries.');
      check.that(bench.transport.attempts <= MOST_ATTEMPTS, `In an hour of refusals a controller tries at most ${MOST_ATTEMPTS} times; this one ${bench.transport.attempts}.`);
      bench.transport.faults.refuse = undefined;
      // The next try may be a quarter of an hour away.
      await bench.clock.advance(HOUR);
      await bench.settle();
      await bench.content(0, 'After the refusals');
    },
  },
  {
    name: 'leaves alone what belongs to others',
    needs: ({ fixture }) => fixture.foreign !== undefined,
    async run(bench) {
      const objects = (await bench.fixture.foreign?.(bench.client)) ?? [];
      await bench.begin();
      await bench.change();
      for (const { kind, object } of objects) {
        const { namespace, name = '' } = object.metadata;
        const now = await bench.client.kind(kind).find({ namespace, name });
        check.equal(now?.metadata.resourceVersion, object.metadata.resourceVersion, `${kind.kind} ${name} of somebody else is as it was.`);
      }
    },
  },
];
