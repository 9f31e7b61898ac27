import { isIPv4, isIPv6 } from 'node:net';

// The formats of texts that Kubernetes checks (kube-openapi strfmt). Others are taken as remarks, as there. All expressions are linear.

const HOSTNAME = /^(?=.{1,253}$)[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*\.?$/;
const DURATION = /^[+-]?(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/;
const WORDY_DURATION = /^\s*\d+\s*(ns|us|µs|ms|s|m|h|d|w|nanos?|micros?|millis?|seconds?|minutes?|hours?|days?|weeks?)\s*$/i;
const uuid = (version: string): RegExp => new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, 'i');
const matching =
  (expression: RegExp) =>
  (text: string): boolean =>
    expression.test(text);

const isDate = (text: string): boolean => {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === undefined) return false;
  const lengths = [31, isLeap(Number(year)) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return Number(day) >= 1 && Number(day) <= (lengths[Number(month) - 1] ?? 0);
};
const isLeap = (year: number): boolean => (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;

const isDateTime = (text: string): boolean => {
  const [, date, hour, minute, second] = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/.exec(text) ?? [];
  return date !== undefined && isDate(date) && Number(hour) < 24 && Number(minute) < 60 && Number(second) <= 60;
};

const isCidr = (text: string): boolean => {
  const [, address, bits] = /^([^/]{2,45})\/(\d{1,3})$/.exec(text) ?? [];
  return address !== undefined && ((isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128));
};

const FORMATS: ReadonlyMap<string, (text: string) => boolean> = new Map([
  ['uri', (text) => URL.canParse(text) || /^\/\S*$/.test(text)],
  ['email', matching(/^[^\s@]{1,64}@[^\s@]{1,255}$/)],
  ['hostname', matching(HOSTNAME)],
  ['ipv4', isIPv4],
  ['ipv6', isIPv6],
  ['cidr', isCidr],
  ['mac', matching(/^(?:[0-9a-f]{2}[:-]){5}(?:[0-9a-f]{2}[:-]?){1,3}$|^(?:[0-9a-f]{4}\.){2,3}[0-9a-f]{4}$/i)],
  ['uuid', matching(uuid('[0-9a-f]'))],
  ['uuid3', matching(uuid('3'))],
  ['uuid4', matching(uuid('4'))],
  ['uuid5', matching(uuid('5'))],
  ['byte', matching(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)],
  ['bsonobjectid', matching(/^[0-9a-f]{24}$/i)],
  ['hexcolor', matching(/^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i)],
  ['rgbcolor', matching(/^rgb\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)$/)],
  ['date', isDate],
  ['date-time', isDateTime],
  ['datetime', isDateTime],
  ['duration', (text) => DURATION.test(text) || WORDY_DURATION.test(text)],
]);

/** Whether a text is what a format says; true for formats that are not checked. */
export const hasFormat = (format: string, text: string): boolean => FORMATS.get(format)?.(text) ?? true;

/** Whether a number is what a format says. */
export const fitsFormat = (format: string, value: number): boolean => format !== 'int32' || (value >= -(2 ** 31) && value <= 2 ** 31 - 1);
