import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Plugin } from '@orrery/core';
import { oidc } from '@orrery/oidc';
import { z } from 'zod';
import { UsageError } from '../usage-error.js';

// Users of an OpenID Connect provider, by the flags of kube-apiserver.

const word = z.string().min(1).max(1_024);
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;
const claims = z
  .array(z.string().max(2_048).regex(/^[^=]+=.*$/s, 'must be CLAIM=VALUE'))
  .max(32)
  .default([])
  .transform((texts) => Object.fromEntries(texts.map((text) => [text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)])));

/** The settings, as they are named in a file and, with dashes, on the command line. */
export const oidcSettings = {
  oidcIssuerUrl: z.url({ protocol: /^https$/, error: 'must be https://…' }).max(1_024).optional(),
  oidcClientId: word.optional(),
  oidcUsernameClaim: word.default('sub'),
  /** `-`: none. */
  oidcUsernamePrefix: z.string().max(1_024).optional(),
  oidcGroupsClaim: word.optional(),
  oidcGroupsPrefix: z.string().max(1_024).default(''),
  oidcRequiredClaim: claims,
  oidcSigningAlgs: z
    .union([z.string().transform((text) => text.split(',')), z.array(z.string())])
    .pipe(z.array(z.enum(ALGORITHMS)).min(1))
    .default(['RS256']),
  oidcCaFile: word.transform((text) => resolve(text)).optional(),
};

/** The settings, checked and complete. */
export type OidcSettings = z.output<z.ZodObject<typeof oidcSettings>>;

/** Neither the provider nor the client means anything without the other. */
export function checkOidc({ oidcIssuerUrl, oidcClientId }: Pick<OidcSettings, 'oidcIssuerUrl' | 'oidcClientId'>, context: z.RefinementCtx): void {
  if (oidcIssuerUrl !== undefined && oidcClientId === undefined) context.addIssue({ code: 'custom', path: ['oidcIssuerUrl'], message: 'needs oidcClientId (--oidc-client-id), the client whose tokens count' });
  if (oidcIssuerUrl === undefined && oidcClientId !== undefined) context.addIssue({ code: 'custom', path: ['oidcClientId'], message: 'needs oidcIssuerUrl (--oidc-issuer-url), the provider' });
}

/** Lets users of the provider in, where one is named. Throws `UsageError` for a file of authorities that cannot be read. */
export async function oidcOf(settings: OidcSettings): Promise<Plugin[]> {
  const { oidcIssuerUrl: issuer, oidcClientId: client, oidcUsernamePrefix: prefix, oidcCaFile: file } = settings;
  if (issuer === undefined || client === undefined) return [];
  return [
    oidc({
      issuer,
      audiences: [client],
      usernameClaim: settings.oidcUsernameClaim,
      ...(prefix !== undefined && { usernamePrefix: prefix === '-' ? '' : prefix }),
      ...(settings.oidcGroupsClaim !== undefined && { groupsClaim: settings.oidcGroupsClaim }),
      groupsPrefix: settings.oidcGroupsPrefix,
      requiredClaims: settings.oidcRequiredClaim,
      algorithms: settings.oidcSigningAlgs,
      ...(file !== undefined && { ca: await authoritiesIn(file) }),
    }),
  ];
}

async function authoritiesIn(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--oidc-ca-file ${file}: ${(error as Error).message}`);
  }
}
