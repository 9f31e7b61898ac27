import { z } from 'zod';

/**
 * What pods of a node may ask for that reaches beyond themselves. Default: nothing of it.
 * Everything here can give a pod the machine: it is for nodes whose pods are trusted as their administrator is.
 */
export const policySchema = z.strictObject({
  /** All capabilities and devices, no confinement. */
  privileged: z.boolean().default(false),
  hostNetwork: z.boolean().default(false),
  hostPID: z.boolean().default(false),
  hostIPC: z.boolean().default(false),
  /** Folders (and files) of the machine that hostPath volumes may show, with everything below; `readOnly`: only to read. */
  hostPaths: z.array(z.strictObject({ path: z.string().regex(/^\/[^\0]{0,4095}$/, 'must be an absolute path'), readOnly: z.boolean().default(false) })).default([]),
  /** Capabilities beyond those that Kubernetes' baseline pod security standard allows, without `CAP_`; `ALL` for every one. */
  capabilities: z.array(z.string().regex(/^[A-Z][A-Z_]{1,40}$/, 'must be the name of a capability without CAP_')).default([]),
  /** `seccompProfile.type: Unconfined`. */
  unconfinedSeccomp: z.boolean().default(false),
  /** `procMount: Unmasked`. */
  unmaskedProc: z.boolean().default(false),
});

/** What pods of a node may ask for that reaches beyond themselves. */
export type Policy = z.output<typeof policySchema>;
