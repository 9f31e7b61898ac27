import { runtimeConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { processContext } from './test/context.js';

runtimeConformance('process', () => processContext(), { describe, it });
// What an unprivileged user gets.
runtimeConformance('process without control groups', () => processContext({ cgroups: 'off' }), { describe, it });
