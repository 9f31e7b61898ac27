import {
  controllerRevisionHash,
  fnv32a,
  fnv64a,
  generateName,
  isCIdentifier,
  isConfigMapKey,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isDomainPrefixedPath,
  isEnvVarName,
  isHttpHeaderName,
  isQualifiedName,
  isValidLabelValue,
  isValidPathSegmentName,
  isValidPercent,
  isValidPortName,
  isWildcardDns1123Subdomain,
  parseIntOrString,
  safeEncode,
  scaledIntOrPercent,
  templateHashOfText,
} from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

/** Names, int-or-percent and the hashes in names. */
export const names: Family = { family: 'names', files: ['names'], prepare: () => run };

const VALIDATORS: Readonly<Record<string, (value: string) => string[]>> = {
  IsCIdentifier: isCIdentifier,
  IsConfigMapKey: isConfigMapKey,
  IsDNS1035Label: isDns1035Label,
  IsDNS1123Label: isDns1123Label,
  IsDNS1123Subdomain: isDns1123Subdomain,
  IsDomainPrefixedPath: isDomainPrefixedPath,
  IsEnvVarName: isEnvVarName,
  IsHTTPHeaderName: isHttpHeaderName,
  IsQualifiedName: isQualifiedName,
  IsValidLabelValue: isValidLabelValue,
  IsValidPathSegmentName: isValidPathSegmentName,
  IsValidPercent: isValidPercent,
  IsValidPortName: isValidPortName,
  IsWildcardDNS1123Subdomain: isWildcardDns1123Subdomain,
};

function run({ input, expected }: VectorCase): Outcome {
  const value = input['value'] as string;
  switch (input['kind']) {
    case 'validate':
      return compare(Object.fromEntries(Object.keys(expected).map((name) => [name, VALIDATORS[name]?.(value).length === 0])), expected);
    case 'intOrPercent': {
      const scaled = scaledIntOrPercent(input['value'] as string | number, input['total'] as number, input['roundUp'] as boolean);
      return compare(scaled === undefined ? { error: true } : { error: false, value: scaled }, expected);
    }
    case 'intOrStringParse': {
      const parsed = parseIntOrString(value);
      const isInt = typeof parsed === 'number';
      return compare({ isInt, int: isInt ? parsed : 0, str: isInt ? '' : parsed }, expected);
    }
    case 'safeEncode':
      return compare({ encoded: safeEncode(value), fnv32a: fnv32a(value), fnv64a: String(fnv64a(value)) }, expected);
    case 'generateName':
      return compareGenerated(input['base'] as string, expected);
    case 'podTemplateHash': {
      // Go hashes a dump of its structs; where the case gives the dump, the rest of the algorithm is checked.
      const dump = expected['hashedDump'];
      if (typeof dump !== 'string') return 'not run';
      return compare(templateHashOfText(dump, input['collisionCount'] as number | undefined), expected['hash']);
    }
    case 'controllerRevisionHash': {
      const hash = controllerRevisionHash(input['raw'] as string, input['collisionCount'] as number | undefined);
      return compare({ hash, name: `web-${hash}` }, expected);
    }
    default:
      return 'not run';
  }
}

function compareGenerated(base: string, expected: Record<string, unknown>): Outcome {
  let turn = 0;
  const got = generateName(base, { int: (below) => (turn++ * 7) % below });
  const ok = got.length === expected['length'] && new RegExp(expected['pattern'] as string).test(got);
  return ok ? { ok } : { ok, got };
}
