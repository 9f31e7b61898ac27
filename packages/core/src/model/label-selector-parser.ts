import type { LabelOperator, LabelRequirement } from './label-requirement.js';

// The grammar of labels.Parse: a lexer and a recursive descent, with the same tolerance for empty values (`a=`, `a in (,b)`).

type TokenKind = 'word' | 'in' | 'notin' | '(' | ')' | ',' | '=' | '==' | '!=' | '!' | '>' | '<' | 'end' | 'bad';

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

const SPECIAL = '=!(),<>';
const SPACE = ' \t\r\n';
const DOUBLE = new Set<string>(['==', '!=']);
/** Longer selectors are refused: nobody types them, and each costs work on every object. */
const MAX_LENGTH = 65_536;

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (let i = 0; i < text.length; ) {
    const start = text[i] as string;
    if (SPACE.includes(start)) {
      i++;
    } else if (SPECIAL.includes(start)) {
      const two = text.slice(i, i + 2);
      const kind = DOUBLE.has(two) ? two : start;
      tokens.push({ kind: kind as TokenKind, text: kind });
      i += kind.length;
    } else {
      let end = i;
      while (end < text.length && !SPECIAL.includes(text[end] as string) && !SPACE.includes(text[end] as string)) end++;
      const word = text.slice(i, end);
      tokens.push({ kind: word === 'in' || word === 'notin' ? word : 'word', text: word });
      i = end;
    }
  }
  tokens.push({ kind: 'end', text: '' });
  return tokens;
}

/** The requirements of a selector in the order in which they are written, unchecked. Throws RangeError on bad syntax. */
export function parseLabelTokens(text: string): LabelRequirement[] {
  if (text.length > MAX_LENGTH) throw new RangeError(`a selector may not be longer than ${MAX_LENGTH} characters`);
  const parser = new Parser(tokenize(text));
  return parser.requirements();
}

class Parser {
  #at = 0;
  constructor(readonly tokens: readonly Token[]) {}

  requirements(): LabelRequirement[] {
    const found: LabelRequirement[] = [];
    if (this.#peek().kind === 'end') return found;
    for (;;) {
      this.#expect('word', '!');
      found.push(this.#requirement());
      const next = this.#take();
      if (next.kind === 'end') return found;
      if (next.kind !== ',') throw unexpected(next, "',' or end of the selector");
    }
  }

  #requirement(): LabelRequirement {
    const negated = this.#peek().kind === '!';
    if (negated) this.#take();
    this.#expect('word');
    const key = this.#take().text;
    const next = this.#peek().kind;
    if (negated) return { key, operator: '!', values: [] };
    if (next === 'end' || next === ',') return { key, operator: 'exists', values: [] };
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : [this.#exactValue()];
    return { key, operator, values };
  }

  #operator(): LabelOperator {
    const token = this.#take(true);
    switch (token.kind) {
      case '=':
      case '==':
      case '!=':
      case 'in':
      case 'notin':
        return token.kind;
      case '>':
        return 'gt';
      case '<':
        return 'lt';
      default:
        throw unexpected(token, 'an operator');
    }
  }

  #exactValue(): string {
    const { kind } = this.#peek();
    if (kind === 'end' || kind === ',') return '';
    this.#expect('word');
    return this.#take().text;
  }

  #values(): string[] {
    this.#expect('(');
    this.#take();
    const values = new Set<string>();
    // A comma with nothing before or after it stands for the empty value.
    let wantsValue = true;
    for (;;) {
      const token = this.#take();
      if (token.kind === ')') {
        if (wantsValue) values.add('');
        return [...values].sort();
      }
      if (token.kind === ',') {
        if (wantsValue) values.add('');
        wantsValue = true;
      } else if (token.kind === 'word' && wantsValue) {
        values.add(token.text);
        wantsValue = false;
      } else {
        throw unexpected(token, "a value, ',' or ')'");
      }
    }
  }

  /** The words `in` and `notin` are operators only where one is expected. */
  #peek(operatorExpected = false): Token {
    const token = this.tokens[this.#at] as Token;
    return !operatorExpected && (token.kind === 'in' || token.kind === 'notin') ? { kind: 'word', text: token.text } : token;
  }

  #take(operatorExpected = false): Token {
    const token = this.#peek(operatorExpected);
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  #expect(...kinds: TokenKind[]): void {
    const token = this.#peek();
    if (!kinds.includes(token.kind)) throw unexpected(token, kinds.join(' or '));
  }
}

const unexpected = (found: Token, wanted: string): RangeError => new RangeError(`found ${JSON.stringify(found.text)}, expected: ${wanted}`);
