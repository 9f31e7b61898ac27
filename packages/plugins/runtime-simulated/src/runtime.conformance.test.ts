import { runtimeConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { simulatedContext } from './test/context.js';

runtimeConformance('simulated', simulatedContext, { describe, it });
