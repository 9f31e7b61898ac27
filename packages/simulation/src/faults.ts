import type { CommitFault, LeaseFault, ReadFault, RequestFault, SeededRandom, StoreFaults, LineFaults } from '@orrery/core/testing';
import type { SimulatedFaults } from '@orrery/runtime-simulated';
import { OrreryError } from '@orrery/core';

/**
 * How often what goes wrong. The first four groups are probabilities of a single call; the last one counts per virtual minute, the node
 * faults for every ten nodes. All are off before the cluster runs and after the faults' time is over.
 *
 * | rate | what happens |
 * |---|---|
 * | storeConflict | a commit is refused as a conflict although nobody else wrote |
 * | storeRefused | a commit or read is refused as unavailable |
 * | storeUnknown | a commit ends in `OUTCOME_UNKNOWN`; half of them were written |
 * | storeSlow | a commit or read takes up to two seconds, before or after its effect |
 * | watchCut | a watch on the store ends: expired, unavailable or without a word |
 * | watchDelay | a batch of a watch on the store comes up to three seconds late |
 * | requestRefused | a request to the server is answered with 503 |
 * | replyLost | a request was done, but its answer never comes |
 * | requestSlow | a request arrives up to three seconds late |
 * | watchReset | a client's watch is reset |
 * | runtimeRefused | the runtime does not get a call |
 * | runtimeReplyLost | the runtime did it, but its answer is lost |
 * | runtimeSlow | a call of the runtime takes up to five seconds |
 * | hintDropped | an event of the runtime is not heard |
 * | hintGap | from this event on up to 30 are not heard, or the stream of events breaks off |
 * | listSlow | a list of the runtime takes up to twenty seconds |
 * | exitLost | a container ends by itself within two minutes, and nobody knows how |
 * | midStepRestarts | a node agent dies in the middle of a call of the runtime, and comes back within ten seconds |
 * | createFails, startFails | a container cannot be created or started |
 * | crashes | a container ends by itself within two minutes |
 * | unhealthy | a container fails its liveness probe from some time on |
 * | ignoresStop | a container has to be killed |
 * | nodeCrashes | a machine loses power and comes back after 5 s to 5 min with nothing running |
 * | agentRestarts | a node agent dies and comes back after up to a minute, without memory; its pods run on |
 * | partitions | a node agent is cut off for 5 s to 3 min: to the server, from it, or both |
 * | cordons | a node is cordoned for up to three minutes |
 * | shrinks | a node has a third less for a while |
 * | schedulerRestarts, controllerRestarts | the process dies and comes back after 3 to 20 s |
 * | clockJumps | the wall clock jumps forward by up to hours, or back by up to a minute and a half |
 * | compactions | the store forgets its history |
 * | changes | the user creates, scales, updates or deletes something |
 * | leaseRefused, leaseReplyLost | a call about a lease is refused, or done and its answer lost |
 * | leaseSlow | a call about a lease takes up to five seconds, longer than a lease lives, before or after its effect |
 * | planeKills | of several control planes, one dies and comes back after 1 to 60 s |
 * | planeStops, planeFreezes | one stands still for up to 15 s: its clock goes on meanwhile, or stands still too |
 * | planeCuts | one cannot reach the store for up to 30 s |
 */
export interface Rates {
  readonly storeConflict: number;
  readonly storeRefused: number;
  readonly storeUnknown: number;
  readonly storeSlow: number;
  readonly watchCut: number;
  readonly watchDelay: number;
  readonly requestRefused: number;
  readonly replyLost: number;
  readonly requestSlow: number;
  readonly watchReset: number;
  readonly runtimeRefused: number;
  readonly runtimeReplyLost: number;
  readonly runtimeSlow: number;
  readonly hintDropped: number;
  readonly hintGap: number;
  readonly listSlow: number;
  readonly exitLost: number;
  readonly midStepRestarts: number;
  readonly createFails: number;
  readonly startFails: number;
  readonly crashes: number;
  readonly unhealthy: number;
  readonly ignoresStop: number;
  readonly nodeCrashes: number;
  readonly agentRestarts: number;
  readonly partitions: number;
  readonly cordons: number;
  readonly shrinks: number;
  readonly schedulerRestarts: number;
  readonly controllerRestarts: number;
  readonly clockJumps: number;
  readonly compactions: number;
  readonly changes: number;
  readonly leaseRefused: number;
  readonly leaseReplyLost: number;
  readonly leaseSlow: number;
  readonly planeKills: number;
  readonly planeStops: number;
  readonly planeFreezes: number;
  readonly planeCuts: number;
}

/** Bad weather. */
export const DEFAULT_RATES: Rates = {
  storeConflict: 0.005,
  storeRefused: 0.005,
  storeUnknown: 0.005,
  storeSlow: 0.02,
  watchCut: 0.0005,
  watchDelay: 0.01,
  requestRefused: 0.01,
  replyLost: 0.005,
  requestSlow: 0.02,
  watchReset: 0.001,
  runtimeRefused: 0.01,
  runtimeReplyLost: 0.01,
  runtimeSlow: 0.02,
  hintDropped: 0.05,
  hintGap: 0.01,
  listSlow: 0.005,
  exitLost: 0.01,
  midStepRestarts: 0.0005,
  createFails: 0.02,
  startFails: 0.02,
  crashes: 0.05,
  unhealthy: 0.05,
  ignoresStop: 0.05,
  nodeCrashes: 0.15,
  agentRestarts: 0.3,
  partitions: 0.3,
  cordons: 0.1,
  shrinks: 0.1,
  schedulerRestarts: 0.2,
  controllerRestarts: 0.2,
  clockJumps: 0,
  compactions: 0.2,
  changes: 3,
  leaseRefused: 0,
  leaseReplyLost: 0,
  leaseSlow: 0,
  planeKills: 0,
  planeStops: 0,
  planeFreezes: 0,
  planeCuts: 0,
};

/** A small cluster with everything, for a short time: more of what is rare. */
export const MIXED_RATES: Rates = {
  ...DEFAULT_RATES,
  nodeCrashes: 1,
  agentRestarts: 1,
  partitions: 1,
  cordons: 0.5,
  controllerRestarts: 0.7,
  schedulerRestarts: 0.3,
  clockJumps: 0.7,
  changes: 25,
};

/** Several control planes in bad weather, with troubles of their own. */
export const PLANE_RATES: Rates = {
  ...DEFAULT_RATES,
  // They are parts of the planes.
  schedulerRestarts: 0,
  controllerRestarts: 0,
  changes: 12,
  leaseRefused: 0.03,
  leaseReplyLost: 0.03,
  leaseSlow: 0.05,
  planeKills: 0.6,
  planeStops: 0.6,
  planeFreezes: 0.6,
  planeCuts: 0.6,
};

/** Nothing goes wrong, and nothing changes. */
export const NO_FAULTS = Object.fromEntries(Object.keys(DEFAULT_RATES).map((rate) => [rate, 0])) as unknown as Rates;

/** Runtimes at their worst, while all else is well. */
export const RUNTIME_RATES: Rates = {
  ...NO_FAULTS,
  runtimeRefused: 0.05,
  runtimeReplyLost: 0.1,
  runtimeSlow: 0.1,
  hintDropped: 0.2,
  hintGap: 0.05,
  listSlow: 0.1,
  exitLost: 0.1,
  midStepRestarts: 0.03,
  createFails: 0.05,
  startFails: 0.05,
  crashes: 0.2,
  unhealthy: 0.1,
  ignoresStop: 0.2,
  nodeCrashes: 0.5,
  agentRestarts: 1,
  changes: 6,
};

/** Draws single faults; every user of it has its own chance. */
export class Weather {
  /** Faults happen now. */
  bad = false;

  constructor(readonly rates: Rates) {}

  /** Whether this happens now. Draws only while the weather is bad. */
  happens(rate: keyof Rates, random: SeededRandom): boolean {
    return this.bad && this.rates[rate] > 0 && random.chance(this.rates[rate]);
  }

  /** Faults of the store. */
  store(random: SeededRandom): StoreFaults {
    const late = (mostMs = 2_000): { beforeMs: number } | { afterMs: number } => (random.chance(0.5) ? { beforeMs: 1 + random.int(mostMs) } : { afterMs: 1 + random.int(mostMs) });
    return {
      commit: (): CommitFault | undefined => {
        if (!this.bad) return undefined;
        const slow: { readonly beforeMs?: number; readonly afterMs?: number } = this.happens('storeSlow', random) ? late() : {};
        if (this.happens('storeConflict', random)) return { ...slow, outcome: 'conflict' };
        if (this.happens('storeRefused', random)) return { ...slow, outcome: 'refused' };
        if (this.happens('storeUnknown', random)) return { ...slow, outcome: random.chance(0.5) ? 'written' : 'lost' };
        return slow.beforeMs === undefined && slow.afterMs === undefined ? undefined : slow;
      },
      read: (): ReadFault | undefined => {
        if (this.happens('storeSlow', random)) return late();
        return this.happens('storeRefused', random) ? { refused: true } : undefined;
      },
      watch: () => {
        if (this.happens('watchCut', random)) return { end: random.pick(['EXPIRED', 'UNAVAILABLE', 'quietly'] as const) };
        return this.happens('watchDelay', random) ? { delayMs: 1 + random.int(3_000) } : undefined;
      },
      lease: (): LeaseFault | undefined => {
        const slow = this.happens('leaseSlow', random) ? late(5_000) : undefined;
        if (this.happens('leaseRefused', random)) return { ...slow, outcome: 'refused' };
        return this.happens('leaseReplyLost', random) ? { ...slow, outcome: 'replyLost' } : slow;
      },
    };
  }

  /** Faults of one process's line to the server. */
  line(random: SeededRandom): LineFaults {
    return {
      request: (): RequestFault | undefined => {
        if (!this.bad) return undefined;
        const slow = this.happens('requestSlow', random) ? { delayMs: 1 + random.int(3_000) } : undefined;
        if (this.happens('requestRefused', random)) return { ...slow, outcome: 'refused' };
        return this.happens('replyLost', random) ? { ...slow, outcome: 'replyLost' } : slow;
      },
      cut: () => this.happens('watchReset', random),
    };
  }

  /** Faults of one machine's runtime. */
  runtime(random: SeededRandom, wait: (delayMs: number) => Promise<void>, restartAgent: (delayMs: number) => void): SimulatedFaults {
    const unavailable = (): OrreryError => new OrreryError('UNAVAILABLE', 'the runtime does not answer (simulated)');
    const restarts = (): void => {
      if (this.happens('midStepRestarts', random)) restartAgent(1 + random.int(10_000));
    };
    let unheard = 0;
    return {
      before: (operation) => {
        restarts();
        if (operation !== 'ready' && this.happens('runtimeRefused', random)) throw unavailable();
        if (operation.startsWith('list') && this.happens('listSlow', random)) return wait(1 + random.int(20_000));
        return this.happens('runtimeSlow', random) ? wait(1 + random.int(5_000)) : undefined;
      },
      after: (operation) => {
        restarts();
        if (operation !== 'ready' && this.happens('runtimeReplyLost', random)) throw unavailable();
      },
      dropEvent: () => {
        if (unheard === 0 && this.happens('hintGap', random)) unheard = 1 + random.int(30);
        if (unheard > 0) unheard -= 1;
        return unheard > 0 || this.happens('hintDropped', random);
      },
      cutEvents: () => this.happens('hintGap', random),
    };
  }
}
