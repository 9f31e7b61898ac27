/**
 * Pod Security Admission: namespaces say by labels how much their pods may do (`pod-security.kubernetes.io/enforce`, `audit`, `warn`, and `-version` of each), by the levels of the Pod Security Standards.
 * @packageDocumentation
 */
import { Admissions, Client, definePlugin, Informers, Namespace, Pod, untilAborted } from '@orrery/core';
import { z } from 'zod';
import { podSecurityStep } from './admission.js';
import { type LevelVersion, LEVELS, versionOf } from './policy.js';

export type { Checked, Violation } from './checks/check.js';
export { detailsOf, violationsOf } from './evaluate.js';
export { type Level, type LevelVersion, type Policy, policyOf } from './policy.js';

const level = z.enum(LEVELS as [LevelVersion['level'], ...LevelVersion['level'][]]).default('privileged');
const version = z
  .string()
  .refine((text) => versionOf(text) !== undefined, 'must be "latest" or "v1.x"')
  .default('latest');
const names = z.array(z.string().min(1).max(253)).max(1_000).default([]);

const options = z
  .strictObject({
    /** For namespaces that do not say. */
    defaults: z.strictObject({ enforce: level, enforceVersion: version, audit: level, auditVersion: version, warn: level, warnVersion: version }).prefault({}),
    /** Whose pods are not looked at. */
    exemptions: z.strictObject({ namespaces: names, usernames: names, runtimeClasses: names }).prefault({}),
  })
  .prefault({});

/** Holds pods to the level of their namespace; without labels to that of the options, which is `privileged`. */
export const podSecurity = definePlugin({
  name: 'pod-security',
  core: '^0.1.0',
  options,
  setup: ({ add, run, get, options: { defaults, exemptions } }) => {
    const namespaces = () => get(Informers).get(Namespace);
    const of = (given: LevelVersion['level'], since: string): LevelVersion => ({ level: given, version: versionOf(since) ?? 'latest' });
    add(
      Admissions,
      podSecurityStep({
        defaults: { enforce: of(defaults.enforce, defaults.enforceVersion), audit: of(defaults.audit, defaults.auditVersion), warn: of(defaults.warn, defaults.warnVersion) },
        exemptions,
        // One that was made a moment ago may not have been seen.
        labelsOf: async (name) => (namespaces().lister.get(name) ?? (await get(Client).kind(Namespace).find({ name })))?.metadata.labels,
        podsIn: async (namespace) => (await get(Client).kind(Pod).list({ namespace })).items,
      }),
    );
    run(() => ({
      name: 'pod-security',
      phase: 'caches',
      run: async (signal, ready) => {
        await namespaces().synced(signal);
        ready();
        await untilAborted(signal);
      },
    }));
  },
});
