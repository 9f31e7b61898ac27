import { runtimeConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { simulatedContext } from './test/context.js';

runtimeConformance('simulated', () => simulatedContext(), { describe, it });

runtimeConformance('simulated, with images', () => simulatedContext({ registry: () => ({ refuse: 'not found' }), present: { suite: { sizeBytes: 1_000 } } }), { describe, it });
