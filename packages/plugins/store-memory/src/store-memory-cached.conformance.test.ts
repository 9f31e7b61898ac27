import { storeConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { cachedContext } from './test/contexts.js';

storeConformance({ describe, it }, 'memory, cached', cachedContext());

// Nearly everything that watchers and pages of the past ask for is older than what the cache keeps.
storeConformance({ describe, it }, 'memory, cached with little history', cachedContext(3));
