/** One condition of a field selector. */
export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** A parsed field selector: all requirements must hold (fields.Selector). */
export interface FieldMatcher {
  /** In the order of their text. */
  readonly requirements: readonly FieldRequirement[];
  readonly empty: boolean;
  /** `read` gives the value of a field; absent fields are empty. */
  matches(read: (field: string) => string): boolean;
  toString(): string;
}

const OPERATORS = ['!=', '==', '='] as const;
const MAX_LENGTH = 65_536;

/** Reads `spec.nodeName=a,status.phase!=Running` (fields.ParseSelector); `\` escapes `\`, `,` and `=` in values. Throws RangeError. */
export function parseFieldSelector(text: string): FieldMatcher {
  if (text.length > MAX_LENGTH) throw new RangeError(`a selector may not be longer than ${MAX_LENGTH} characters`);
  return fieldMatcher(splitTerms(text).sort().filter((term) => term !== '').map(parseTerm));
}

/** The matcher of requirements. */
export function fieldMatcher(requirements: readonly FieldRequirement[]): FieldMatcher {
  return {
    requirements,
    empty: requirements.length === 0,
    matches: (read) => requirements.every(({ field, operator, value }) => (read(field) === value) === (operator === '=')),
    toString: () => requirements.map(({ field, operator, value }) => `${field}${operator}${escapeValue(value)}`).join(','),
  };
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function parseTerm(term: string): FieldRequirement {
  for (let i = 0; i < term.length; i++) {
    const operator = OPERATORS.find((candidate) => term.startsWith(candidate, i));
    if (operator !== undefined) {
      return { field: term.slice(0, i), operator: operator === '!=' ? '!=' : '=', value: unescapeValue(term.slice(i + operator.length)) };
    }
  }
  throw new RangeError(`invalid selector: ${JSON.stringify(term)}; it needs an operator`);
}

function unescapeValue(text: string): string {
  let value = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === ',' || char === '=') throw new RangeError(`invalid field selector: unescaped ${char} in ${JSON.stringify(text)}`);
    if (char !== '\\') {
      value += char;
      continue;
    }
    const escaped = text[++i];
    if (escaped === undefined || !'\\,='.includes(escaped)) throw new RangeError(`invalid field selector: invalid escape sequence in ${JSON.stringify(text)}`);
    value += escaped;
  }
  return value;
}

const escapeValue = (value: string): string => value.replace(/[\\,=]/g, '\\$&');
