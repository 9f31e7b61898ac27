import { type ScorePlugin, labelMatcher } from '@orrery/core';
import { schedulerPluginConformance } from '@orrery/core/testing';
import { describe, it } from 'vitest';
import { defaultFilters, defaultScores } from './profile.js';
import { mostAllocated, requestedToCapacityRatio } from './scores/node-resources-fit.js';
import { FakeVolumes, aClaim, aClass, aVolume, boundClaim, using } from './test-support/fake-volumes.js';
import { aPod } from './test-support/objects.js';

/** Claims in all states; the volume of the last one comes and goes. */
const volumes = new FakeVolumes().put(
  aClass('made', 'example.com/made', { allowedTopologies: [{ matchLabelExpressions: [{ key: 'topology.kubernetes.io/zone', values: ['a', 'b'] }] }] }),
  aClass('local', 'kubernetes.io/no-provisioner'),
  ...['large', 'small'].map((host) => aVolume(`on-${host}`, host, { storageClassName: 'local' })),
  ...['local', 'made'].flatMap((storageClassName) => ['one', 'two'].map((name) => aClaim(`${storageClassName}-${name}`, { spec: { storageClassName } }))),
  boundClaim('bound', 'on-gpu'),
  aVolume('on-gpu', 'gpu'),
  boundClaim('alone', 'anywhere', { accessModes: ['ReadWriteOncePod'] }),
  aVolume('anywhere'),
);
const pods = ['local-one', 'local-two', 'made-one', 'made-two', 'bound', 'alone', 'missing', 'switched'].flatMap((claim) => [aPod(`uses-${claim}`, { spec: using(claim) }), aPod(`also-uses-${claim}`, { spec: using(claim, 'bound') })]);
const change = (): unknown => (volumes.claim('default/switched') === undefined ? volumes.put(boundClaim('switched', 'anywhere')) : volumes.drop('switched'));

const sources = { belongTogether: () => labelMatcher({ matchLabels: { app: 'web' } }), volumes };

for (const filter of defaultFilters(sources)) schedulerPluginConformance(`filter ${filter.name}`, () => ({ filter, pods, change }), { describe, it });

const curve = [
  { utilization: 0, score: 0 },
  { utilization: 100, score: 10 },
];
const scores: readonly ScorePlugin[] = [...defaultScores(sources).map(({ plugin }) => plugin), mostAllocated() as ScorePlugin, requestedToCapacityRatio(curve) as ScorePlugin];
scores.forEach((score, i) => schedulerPluginConformance(`score ${i} ${score.name}`, () => ({ score }), { describe, it }));
