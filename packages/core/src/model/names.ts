import type { Random } from '../kernel/clock.js';

// Every function returns what is wrong, in Kubernetes' words; an empty list means the name is good.
// All patterns are linear: no two neighbouring repetitions can match the same character. Sources: apimachinery/pkg/util/validation.

const LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const LABEL_1035 = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
const SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const QUALIFIED = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const C_IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;
const ENV_NAME = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
const HEADER = /^[-A-Za-z0-9]+$/;
const PERCENT = /^[0-9]+%$/;
const HTTP_PATH = /^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/;

const LABEL_MESSAGE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_1035_MESSAGE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const QUALIFIED_MESSAGE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_MESSAGE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const tooLong = (max: number): string => `must be no more than ${max} bytes`;
const GOOD: string[] = [];

function check(value: string, max: number, pattern: RegExp, message: string): string[] {
  // Patterns admit ASCII only, so the length in characters is that in bytes wherever the pattern matches.
  if (value.length <= max && pattern.test(value)) return GOOD;
  const wrong = value.length > max ? [tooLong(max)] : [];
  if (value.length > 4096 || !pattern.test(value)) wrong.push(message);
  return wrong;
}

/** A DNS-1123 label: at most 63 characters. */
export const isDns1123Label = (value: string): string[] => check(value, 63, LABEL, LABEL_MESSAGE);
/** A DNS-1123 subdomain: at most 253 characters. What most names must be. */
export const isDns1123Subdomain = (value: string): string[] => check(value, 253, SUBDOMAIN, SUBDOMAIN_MESSAGE);
/** A DNS-1035 label, which starts with a letter. */
export const isDns1035Label = (value: string): string[] => check(value, 63, LABEL_1035, LABEL_1035_MESSAGE);
/** `*.` and a subdomain. */
export const isWildcardDns1123Subdomain = (value: string): string[] =>
  value.startsWith('*.') && value.length <= 253 && SUBDOMAIN.test(value.slice(2)) ? GOOD : ['a wildcard DNS-1123 subdomain must start with \'*.\', followed by a valid DNS subdomain'];
/** A C identifier. */
export const isCIdentifier = (value: string): string[] => (C_IDENTIFIER.test(value) ? GOOD : ['a valid C identifier must start with alphabetic character or \'_\', followed by a string of alphanumeric characters or \'_\'']);
/** The value of a label: may be empty, at most 63 characters. */
export const isValidLabelValue = (value: string): string[] => (value === '' ? GOOD : check(value, 63, QUALIFIED, VALUE_MESSAGE));
/** The name of an HTTP header. */
export const isHttpHeaderName = (value: string): string[] => (HEADER.test(value) ? GOOD : ["a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name')"]);
/** Digits and a percent sign. */
export const isValidPercent = (value: string): string[] => (PERCENT.test(value) ? GOOD : ["a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%')"]);

/** A key of a ConfigMap or Secret, which is a file name too. */
export function isConfigMapKey(value: string): string[] {
  return [...check(value, 253, CONFIG_KEY, "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name')"), ...dots(value)];
}

/** The name of an environment variable in the strict form. */
export function isEnvVarName(value: string): string[] {
  const wrong = ENV_NAME.test(value)
    ? GOOD
    : ["a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1')"];
  return [...wrong, ...dots(value)];
}

/** The name of an environment variable as containers accept it: printable ASCII without `=`. */
export function isRelaxedEnvVarName(value: string): string[] {
  return /^[ -<>-~]+$/.test(value) ? GOOD : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

function dots(value: string): string[] {
  if (value === '.') return ["must not be '.'"];
  if (value === '..') return ["must not be '..'"];
  return value.startsWith('..') ? ["must not start with '..'"] : GOOD;
}

/** `[prefix/]name`: what keys of labels and annotations must be. */
export function isQualifiedName(value: string): string[] {
  const parts = value.split('/');
  if (parts.length > 2) return [`a qualified name ${QUALIFIED_MESSAGE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const name = parts.at(-1) as string;
  const wrong: string[] = [];
  if (parts.length === 2) {
    const prefix = parts[0] as string;
    if (prefix === '') wrong.push('prefix part must be non-empty');
    else wrong.push(...isDns1123Subdomain(prefix).map((message) => `prefix part ${message}`));
  }
  if (name === '') wrong.push('name part must be non-empty', `name part ${QUALIFIED_MESSAGE}`);
  else wrong.push(...check(name, 63, QUALIFIED, QUALIFIED_MESSAGE).map((message) => `name part ${message}`));
  return wrong;
}

/** A domain, a slash and a path. */
export function isDomainPrefixedPath(value: string): string[] {
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) return ['must be a domain-prefixed path (such as "acme.io/foo")'];
  const wrong = isDns1123Subdomain(value.slice(0, slash)).map((message) => `prefix part ${message}`);
  return HTTP_PATH.test(value.slice(slash + 1)) ? wrong : [...wrong, 'must be a valid path'];
}

/** A name that is safe as one segment of a URL path: what names of otherwise free form must be. */
export function isValidPathSegmentName(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((illegal) => value.includes(illegal)).map((illegal) => `may not contain '${illegal}'`);
}

/** The name of a container port or of a target port: at most 15 characters. */
export function isValidPortName(value: string): string[] {
  const wrong: string[] = [];
  if (value.length > 15) wrong.push(tooLong(15).replace('bytes', 'characters'));
  if (!/^[-a-z0-9]+$/.test(value)) wrong.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(value)) wrong.push('must contain at least one letter (a-z)');
  if (value.includes('--')) wrong.push('must not contain consecutive hyphens');
  if (value.startsWith('-') || value.endsWith('-')) wrong.push('must not begin or end with a hyphen');
  return wrong;
}

/** A port number. */
export function isValidPortNumber(port: number): string[] {
  return port >= 1 && port <= 65535 ? GOOD : ['must be between 1 and 65535, inclusive'];
}

/** Letters and digits that form no words (apimachinery/pkg/util/rand). */
export const SAFE_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
const MAX_GENERATED = 63;

/** A name from `generateName`: the base, cut so that 63 characters suffice, and five random characters. */
export function generateName(base: string, random: Pick<Random, 'int'>): string {
  let name = base.slice(0, MAX_GENERATED - SUFFIX_LENGTH);
  for (let i = 0; i < SUFFIX_LENGTH; i++) name += SAFE_ALPHABET[random.int(SAFE_ALPHABET.length)];
  return name;
}
