import { defineKind, isDns1123Label, type KindOf } from '@orrery/core';
import { z } from 'zod';

const group = 'sandboxes.example.com';
const version = 'v1';

/** On sandboxes: the pool they were made for. */
export const POOL_LABEL = `${group}/pool`;

const template = z.object({
  image: z.string().max(255).default('none'),
  command: z.array(z.string().max(4096)).min(1).max(64),
  env: z.record(z.string(), z.string().max(4096)).default({}),
  /** Where it answers HTTP; it is ready when it does. Without one it is ready when it runs. */
  port: z.int().min(1).max(65535).optional(),
  requests: z.record(z.string(), z.string()).default({}),
});
/** What runs in a sandbox. */
export type SandboxTemplate = z.infer<typeof template>;

/** One sandbox: a pod that is never restarted, since what was in it is lost. */
export const Sandbox = defineKind({
  group,
  version,
  kind: 'Sandbox',
  spec: z.object({ template }),
  status: z.object({ phase: z.enum(['Starting', 'Ready', 'Ended']), pod: z.string().optional(), address: z.string().optional(), message: z.string().optional() }),
});
export type Sandbox = KindOf<typeof Sandbox>;

/** Keeps so many sandboxes running that nobody has claimed yet. */
export const SandboxPool = defineKind({
  group,
  version,
  kind: 'SandboxPool',
  spec: z.object({
    warm: z.int().min(0).max(1000),
    /** Sandboxes at most, claimed ones with them; claims beyond wait. */
    max: z.int().min(0).max(100_000).optional(),
    template,
  }),
  status: z.object({ ready: z.int(), starting: z.int(), claimed: z.int() }),
  // It becomes a label of its sandboxes.
  rules: { validateName: (name) => isDns1123Label(name) },
});
export type SandboxPool = KindOf<typeof SandboxPool>;

/** Asks for a sandbox of a pool. The sandbox belongs to the claim from then on, and goes with it. */
export const SandboxClaim = defineKind({
  group,
  version,
  kind: 'SandboxClaim',
  spec: z.object({ pool: z.string().min(1).max(63), ttlSeconds: z.int().min(1).max(604_800).optional() }),
  status: z.object({
    phase: z.enum(['Waiting', 'Starting', 'Bound', 'Ended']),
    sandbox: z.string().optional(),
    address: z.string().optional(),
    /** Whether it was running before it was claimed. */
    warm: z.boolean().optional(),
    boundAt: z.iso.datetime().optional(),
    message: z.string().optional(),
  }),
});
export type SandboxClaim = KindOf<typeof SandboxClaim>;
