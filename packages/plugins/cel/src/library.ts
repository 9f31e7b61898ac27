import { isIP } from 'node:net';
import { Environment } from '@marcbachmann/cel-js';
import { addQuantities, approximateNumber, compareQuantities, fitsInt64, int64Value, parseQuantity, type Quantity, quantityOf, subtractQuantities } from '@orrery/core';
import { patternOf } from './patterns.js';

// What rules may call beyond CEL itself, of Kubernetes' libraries: lists, regular expressions, texts, quantities, URLs and addresses. What is not here is refused when a definition is made.

/** A quantity as a value of CEL. */
class QuantityValue {
  constructor(readonly of: Quantity) {}
}
/** A URL as a value of CEL. */
class UrlValue {
  constructor(readonly of: URL) {}
}

type Comparable = bigint | number | string | boolean;

/** An environment with these libraries and without variables. */
export function celEnvironment(): Environment {
  const env = new Environment({ homogeneousAggregateLiterals: false, enableOptionalTypes: true, limits: { maxAstNodes: 2000, maxDepth: 50, maxListElements: 1000, maxMapEntries: 1000 } });
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- handlers get what their signature says
  const define = (signature: string, handler: (...args: any[]) => unknown): void => void env.registerFunction(signature, handler, { async: false });
  lists(define);
  texts(define);
  env.registerType('kubernetes.Quantity', QuantityValue);
  quantities(define);
  env.registerType('kubernetes.URL', UrlValue);
  addresses(define);
  return env;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- see above
type Define = (signature: string, handler: (...args: any[]) => unknown) => void;

function lists(define: Define): void {
  const extreme = (name: string, wins: (a: Comparable, b: Comparable) => boolean): void =>
    define(`list.${name}(): dyn`, (list: readonly Comparable[]) => {
      if (list.length === 0) throw new RangeError(`${name} called on empty list`);
      return list.reduce((a, b) => (wins(b, a) ? b : a));
    });
  extreme('min', (a, b) => a < b);
  extreme('max', (a, b) => a > b);
  define('list.sum(): dyn', (list: readonly (bigint | number)[]) => list.reduce((a, b) => ((a as never) + (b as never)) as bigint | number, typeof list[0] === 'number' ? 0 : 0n));
  define('list.isSorted(): bool', (list: readonly Comparable[]) => list.every((item, i) => i === 0 || (list[i - 1] as Comparable) <= item));
  define('list.indexOf(dyn): int', (list: readonly unknown[], item: unknown) => BigInt(list.indexOf(item)));
  define('list.lastIndexOf(dyn): int', (list: readonly unknown[], item: unknown) => BigInt(list.lastIndexOf(item)));
}

/** Long texts are cut by the cost of every rule; here only what may not grow at all. */
const MAX_REPLACED = 1_000_000;

function texts(define: Define): void {
  const found = (text: string, pattern: string, limit: number): string[] => {
    const compiled = patternOf(pattern);
    if (typeof compiled === 'string') throw new RangeError(compiled);
    const matcher = compiled.matcher(text);
    const all: string[] = [];
    while (all.length < limit && matcher.find()) all.push(String(matcher.group()));
    return all;
  };
  define('string.find(string): string', (text: string, pattern: string) => found(text, pattern, 1)[0] ?? '');
  define('string.findAll(string): list<string>', (text: string, pattern: string) => found(text, pattern, 10_000));
  define('string.findAll(string, int): list<string>', (text: string, pattern: string, limit: bigint) => found(text, pattern, limit < 0n ? 10_000 : Math.min(Number(limit), 10_000)));
  define('string.charAt(int): string', (text: string, index: bigint) => {
    if (index < 0n || index > BigInt(text.length)) throw new RangeError(`index out of range: ${index}`);
    return text.charAt(Number(index));
  });
  const replace = (text: string, from: string, to: string, limit: number): string => {
    const parts = text.split(from);
    const count = limit < 0 ? parts.length - 1 : Math.min(limit, parts.length - 1);
    if (text.length + count * to.length > MAX_REPLACED) throw new RangeError('the text is too long');
    return `${parts.slice(0, count + 1).join(to)}${parts.slice(count + 1).map((part) => `${from}${part}`).join('')}`;
  };
  define('string.replace(string, string): string', (text: string, from: string, to: string) => replace(text, from, to, -1));
  define('string.replace(string, string, int): string', (text: string, from: string, to: string, limit: bigint) => replace(text, from, to, Number(limit)));
  define('string.reverse(): string', (text: string) => [...text].reverse().join(''));
}

function quantities(define: Define): void {
  const Q = 'kubernetes.Quantity';
  const quantity = (text: string): QuantityValue => {
    const of = parseQuantity(text);
    if (of === undefined) throw new RangeError(`quantity parse error: ${JSON.stringify(text.slice(0, 100))}`);
    return new QuantityValue(of);
  };
  define('isQuantity(string): bool', (text: string) => parseQuantity(text) !== undefined);
  define(`quantity(string): ${Q}`, quantity);
  define(`${Q}.isGreaterThan(${Q}): bool`, (a: QuantityValue, b: QuantityValue) => compareQuantities(a.of, b.of) > 0);
  define(`${Q}.isLessThan(${Q}): bool`, (a: QuantityValue, b: QuantityValue) => compareQuantities(a.of, b.of) < 0);
  define(`${Q}.compareTo(${Q}): int`, (a: QuantityValue, b: QuantityValue) => BigInt(Math.sign(compareQuantities(a.of, b.of))));
  define(`${Q}.sign(): int`, (a: QuantityValue) => (a.of.unscaled > 0n ? 1n : a.of.unscaled < 0n ? -1n : 0n));
  define(`${Q}.isInteger(): bool`, (a: QuantityValue) => isWhole(a.of));
  define(`${Q}.asInteger(): int`, (a: QuantityValue) => {
    if (!isWhole(a.of)) throw new RangeError('cannot convert value to integer');
    return int64Value(a.of, 0);
  });
  define(`${Q}.asApproximateFloat(): double`, (a: QuantityValue) => approximateNumber(a.of));
  for (const [name, of] of [['add', addQuantities], ['sub', subtractQuantities]] as const) {
    define(`${Q}.${name}(${Q}): ${Q}`, (a: QuantityValue, b: QuantityValue) => new QuantityValue(of(a.of, b.of)));
    define(`${Q}.${name}(int): ${Q}`, (a: QuantityValue, b: bigint) => new QuantityValue(of(a.of, quantityOf(b))));
  }
}

const isWhole = (quantity: Quantity): boolean => fitsInt64(quantity) && compareQuantities(quantity, quantityOf(int64Value(quantity, 0))) === 0;

function addresses(define: Define): void {
  const U = 'kubernetes.URL';
  define('isURL(string): bool', (text: string) => URL.canParse(text));
  define(`url(string): ${U}`, (text: string) => {
    if (!URL.canParse(text)) throw new RangeError(`URL parse error: ${JSON.stringify(text.slice(0, 100))}`);
    return new UrlValue(new URL(text));
  });
  define(`${U}.getScheme(): string`, ({ of }: UrlValue) => of.protocol.replace(/:$/, ''));
  define(`${U}.getHost(): string`, ({ of }: UrlValue) => of.host);
  define(`${U}.getHostname(): string`, ({ of }: UrlValue) => of.hostname);
  define(`${U}.getPort(): string`, ({ of }: UrlValue) => of.port);
  define(`${U}.getEscapedPath(): string`, ({ of }: UrlValue) => of.pathname);
  define('isIP(string): bool', (text: string) => isIP(text) !== 0);
  define('isCIDR(string): bool', (text: string) => {
    const [, address = '', bits] = /^([^/]{2,45})\/(\d{1,3})$/.exec(text) ?? [];
    const version = isIP(address);
    return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
  });
}
