import { type FieldError, fieldError } from '@orrery/core';

/** How much pods may do (the Pod Security Standards). */
export type Level = 'privileged' | 'baseline' | 'restricted';
/** The levels, the most lenient first. */
export const LEVELS: readonly Level[] = ['privileged', 'baseline', 'restricted'];

/** A level as it was in a version of Kubernetes. */
export interface LevelVersion {
  readonly level: Level;
  /** The minor version of Kubernetes 1. */
  readonly version: number | 'latest';
}

/** What becomes of pods: those that violate `enforce` are refused; those that violate `audit` and `warn` are written down and warned of. */
export interface Policy {
  readonly enforce: LevelVersion;
  readonly audit: LevelVersion;
  readonly warn: LevelVersion;
}

const LABEL = 'pod-security.kubernetes.io/';
const MODES = ['enforce', 'audit', 'warn'] as const;

/** `restricted:latest`, `baseline:v1.30`. */
export const told = ({ level, version }: LevelVersion): string => `${level}:${version === 'latest' ? version : `v1.${version}`}`;

/** Whether two are the same. */
export const isSame = (a: LevelVersion, b: LevelVersion): boolean => a.level === b.level && a.version === b.version;

/** A version as it is written; undefined: it is none. */
export function versionOf(text: string): number | 'latest' | undefined {
  if (text === 'latest') return text;
  const [, minor] = /^v1\.(\d|[1-9]\d{1,5})$/.exec(text) ?? [];
  return minor === undefined ? undefined : Number(minor);
}

/**
 * The policy of a namespace by its labels. There is always one: of labels that cannot be read (they are told) `enforce` counts as `restricted`, the others as `privileged`, and any version as the
 * latest.
 */
export function policyOf(labels: Readonly<Record<string, string>> | undefined, defaults: Policy): { readonly policy: Policy; readonly errors: readonly FieldError[] } {
  const errors: FieldError[] = [];
  const policy: { enforce: LevelVersion; audit: LevelVersion; warn: LevelVersion } = { ...defaults };
  const wrong = (label: string, value: string, text: string): void => void errors.push(fieldError.invalid(`metadata.labels[${label}]`, value, text));
  for (const mode of MODES) {
    let { level, version } = defaults[mode];
    const [asked, since] = [labels?.[`${LABEL}${mode}`], labels?.[`${LABEL}${mode}-version`]];
    if (asked !== undefined) {
      const known = LEVELS.find((one) => one === asked);
      if (known === undefined) wrong(`${LABEL}${mode}`, asked, `must be one of ${LEVELS.join(', ')}`);
      level = known ?? (mode === 'enforce' ? 'restricted' : 'privileged');
    }
    if (since !== undefined) {
      const known = versionOf(since);
      if (known === undefined) wrong(`${LABEL}${mode}-version`, since, 'must be "latest" or "v1.x"');
      version = known ?? 'latest';
    }
    policy[mode] = { level, version };
  }
  return { policy, errors };
}
