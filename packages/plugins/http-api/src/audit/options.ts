import type { Clock, Logger } from '@orrery/core';
import { z } from 'zod';
import { Auditor } from './auditor.js';
import { type AuditSink, FileLog } from './file-log.js';
import { DEFAULT_AUDIT_POLICY } from './policy.js';

const texts = z.array(z.string()).optional();
const policy = z.strictObject({
  rules: z.array(
    z.strictObject({
      level: z.enum(['None', 'Metadata', 'Request', 'RequestResponse']),
      users: texts,
      userGroups: texts,
      verbs: texts,
      resources: z.array(z.strictObject({ group: z.string().optional(), resources: texts, resourceNames: texts })).optional(),
      namespaces: texts,
      nonResourceURLs: texts,
    }),
  ),
});

/** Writes requests down, in a file or in a place of one's own; `policy` says which and how much. */
export const auditOptions = z
  .strictObject({
    path: z.string().min(1).optional(),
    sink: z.custom<AuditSink>((value) => typeof (value as AuditSink | undefined)?.write === 'function').optional(),
    policy: policy.optional(),
    maxBytes: z.int().positive().optional(),
    maxFiles: z.int().min(1).optional(),
    maxWaitingBytes: z.int().positive().optional(),
  })
  .refine(({ path, sink }) => (path === undefined) !== (sink === undefined), 'needs a path or a sink, and not both');

/** The auditor that these options ask for, and what ends it. */
export function auditorOf({ path = '', sink, policy: wanted, ...limits }: z.output<typeof auditOptions>, { clock, log }: { readonly clock: Clock; readonly log: Logger }): { readonly audit: Auditor; close(): Promise<void> } {
  const into = sink ?? new FileLog({ path, ...limits, clock, log });
  return { audit: new Auditor({ policy: wanted ?? DEFAULT_AUDIT_POLICY, sink: into, clock }), close: () => into.close() };
}
