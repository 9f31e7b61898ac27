import { MemoryStore } from '@orrery/store-memory';
import { describe, it } from 'vitest';
import type { Clock } from '../../kernel/clock.js';
import { systemClock } from '../../kernel/platform.js';
import { SeededRandom } from '../seeded-random.js';
import { storeConformance } from '../store/index.js';
import { FaultyStore, type StoreFaults } from './faulty-store.js';

const BOOKMARK_MS = 100;
const wrapped = (faults: StoreFaults, clock: Clock = systemClock) => async () => {
  const store = new FaultyStore(new MemoryStore({ bookmarkMs: BOOKMARK_MS }), clock, faults);
  return { store, bookmarkMs: BOOKMARK_MS, cleanup: () => store.close() };
};

storeConformance({ describe, it }, 'memory, through a faulty store without faults', wrapped({}));

const random = new SeededRandom(1);
/** Before its effect, after it, or both; some calls pass at once. */
const late = () => ({ ...(random.chance(0.4) && { beforeMs: random.int(3) }), ...(random.chance(0.4) && { afterMs: random.int(3) }) });
const slow: StoreFaults = { commit: late, read: late, lease: late, watch: () => (random.chance(0.3) ? { delayMs: random.int(3) } : undefined) };

storeConformance({ describe, it }, 'memory, through a faulty store that is slow', wrapped(slow));
