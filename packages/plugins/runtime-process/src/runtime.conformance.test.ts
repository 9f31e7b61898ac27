import { runtimeConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { processContext } from './test/context.js';

runtimeConformance('process', () => processContext(), { describe, it });
