import { ApiClient } from '../../client/api-client.js';
import { SharedInformers } from '../../client/informers.js';
import type { Client } from '../../contracts/client.js';
import type { Store } from '../../contracts/store.js';
import { ControllerRunner } from '../../control/controller-runner.js';
import { longLived } from '../../kernel/abort.js';
import { errorMessage } from '../../kernel/errors.js';
import { silentLogger } from '../../kernel/logger.js';
import { builtinKinds } from '../../model/builtin-kinds.js';
import { KindRegistry } from '../../model/registry.js';
import { ApiServer } from '../../server/server.js';
import { SeededRandom } from '../seeded-random.js';
import { check, ConformanceFailure, type SuiteContext } from '../suite.js';
import { VirtualClock } from '../virtual-clock.js';
import { MisbehavingTransport } from './faulty-transport.js';
import type { ControllerFixture, ControllerSubject } from './fixture.js';

const USER = { name: 'system:suite', groups: ['system:masters'] } as const;
/** Rounds of two seconds after which a controller must have come to rest. */
const ROUNDS = 400;
/** Rounds without a write that count as rest. */
const QUIET = 6;

interface Running {
  readonly abort: AbortController;
  readonly informers: SharedInformers;
  readonly done: Promise<void>;
}

/** One controller under an API of its own, in virtual time, with everything between them under the case's control. */
export class ControllerBench implements SuiteContext {
  readonly clock = new VirtualClock();
  readonly fixture: ControllerFixture;
  /** Between the controller and the API. */
  readonly transport: MisbehavingTransport;
  /** A client that no fault touches. */
  readonly client: Client;
  readonly #store: Store;
  readonly #kinds: KindRegistry;
  readonly #server: ApiServer;
  readonly #abort = longLived(new AbortController());
  readonly #random = new SeededRandom(1);
  #serving: Promise<void> = Promise.resolve();
  #running: Running | undefined;
  #broken: unknown;

  private constructor({ fixture, store }: ControllerSubject) {
    this.fixture = fixture;
    this.#store = store(this.clock);
    this.#kinds = new KindRegistry([...builtinKinds, ...(fixture.kinds ?? [])]);
    const admissions = { items: () => [], version: 0 };
    this.#server = new ApiServer({ store: this.#store, kinds: this.#kinds, clock: this.clock, random: this.#random, log: silentLogger, admissions });
    this.transport = new MisbehavingTransport(this.#server, this.clock);
    this.client = new ApiClient({ transport: this.#server, kinds: this.#kinds, user: USER, fieldManager: 'suite' });
  }

  /** An API that serves; no controller runs yet. */
  static async open(subject: ControllerSubject): Promise<ControllerBench> {
    const bench = new ControllerBench(subject);
    await new Promise<void>((ready, failed) => {
      bench.#serving = bench.#server.run(bench.#abort.signal, ready);
      bench.#serving.catch(failed);
    });
    return bench;
  }

  /** Starts a controller as a new process would: with empty caches. After each of its writes the fixture's `always` is asked. */
  async start(): Promise<void> {
    const { clock, transport } = this;
    const log = silentLogger;
    const client = new ApiClient({ transport, kinds: this.#kinds, user: USER, fieldManager: 'controller' });
    const informers = new SharedInformers({ client, clock, random: this.#random, log });
    const abort = longLived(new AbortController());
    const runner = new ControllerRunner(this.fixture.controller(), { client, informers, events: { event: () => undefined }, clock, random: this.#random, log });
    const done = runner
      .run(abort.signal, () => undefined)
      .catch((error: unknown) => {
        this.#broken ??= error;
      });
    this.#running = { abort, informers, done };
    this.transport.faults.written ??= () => this.#always();
    await clock.advance(1);
  }

  /** Kills the controller where it stands. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    this.#running = undefined;
    running.abort.abort();
    await running.informers.close();
    await running.done;
  }

  async #always(): Promise<void> {
    await this.fixture.always?.(this.client).catch((error: unknown) => {
      this.#broken ??= error;
    });
  }

  /** Lets time pass until nothing is written any more. Throws when that does not come about, or a promise was broken on the way. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const before = await this.#store.revision();
      await this.clock.advance(1_000);
      await this.fixture.others?.(this.client);
      await this.clock.advance(1_000);
      this.whole();
      quiet = (await this.#store.revision()) === before ? quiet + 1 : 0;
      if (quiet === QUIET) return;
    }
    throw new ConformanceFailure(`The controller does not come to rest within ${ROUNDS * 2} seconds.`);
  }

  /** Throws what was broken in the background. */
  whole(): void {
    if (this.transport.ranAway) throw new ConformanceFailure(`The controller does not stop writing: ${this.transport.attempts} times and more.`);
    if (this.#broken !== undefined) throw new ConformanceFailure(errorMessage(this.#broken));
  }

  /** Throws unless the fixture is content. */
  async content(changes: number, when: string): Promise<void> {
    try {
      await this.fixture.check(this.client, changes);
    } catch (error) {
      throw new ConformanceFailure(`${when}: ${errorMessage(error)}`);
    }
  }

  /** Seeds, starts, settles, checks: where most cases begin. */
  async begin(): Promise<void> {
    await this.fixture.seed(this.client);
    await this.start();
    await this.settle();
    await this.content(0, 'After the start');
    check.that(this.transport.writes > 0, 'The fixture gives the controller something to write.');
  }

  /** Makes all changes, each with time to settle. */
  async change(): Promise<void> {
    for (const [i, one] of this.fixture.changes.entries()) {
      await one.run(this.client);
      await this.settle();
      await this.content(i + 1, `After "${one.name}"`);
    }
  }

  async cleanup(): Promise<void> {
    await this.stop();
    this.#abort.abort();
    await this.#serving;
    await this.#store.close();
  }
}
