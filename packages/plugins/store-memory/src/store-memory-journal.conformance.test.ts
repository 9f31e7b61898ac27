import { storeConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { journalContext } from './test/contexts.js';

storeConformance({ describe, it }, 'memory with a journal', journalContext);
