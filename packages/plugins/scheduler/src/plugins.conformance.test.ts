import { type ScorePlugin, labelMatcher } from '@orrery/core';
import { schedulerPluginConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { defaultFilters, defaultScores } from './profile.js';
import { mostAllocated, requestedToCapacityRatio } from './scores/node-resources-fit.js';

const sources = { belongTogether: () => labelMatcher({ matchLabels: { app: 'web' } }) };

for (const filter of defaultFilters(sources)) schedulerPluginConformance(`filter ${filter.name}`, () => ({ filter }), { describe, it });

const curve = [
  { utilization: 0, score: 0 },
  { utilization: 100, score: 10 },
];
const scores: readonly ScorePlugin[] = [...defaultScores(sources).map(({ plugin }) => plugin), mostAllocated() as ScorePlugin, requestedToCapacityRatio(curve) as ScorePlugin];
scores.forEach((score, i) => schedulerPluginConformance(`score ${i} ${score.name}`, () => ({ score }), { describe, it }));
