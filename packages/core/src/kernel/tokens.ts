declare const CONTRACT: unique symbol;

/** A seat that exactly one plugin takes. Type and token share a name, so one import gives both. */
export type SeatToken<T> = symbol & { readonly [CONTRACT]?: readonly ['seat', T] };
/** A seat that several plugins take, told apart by name, one of them the default. */
export type NamedSeatToken<T> = symbol & { readonly [CONTRACT]?: readonly ['named', T] };
/** A list to which any plugin adds. */
export type ListToken<T> = symbol & { readonly [CONTRACT]?: readonly ['list', T] };
/** Any of the three. All are symbols, and so fit inversify's `@inject(Token)`. */
export type Token = SeatToken<unknown> | NamedSeatToken<unknown> | ListToken<unknown>;

/** What `get` gives for a list: read it at a decision boundary; it changes when plugins are replaced. */
export interface LiveList<T> {
  /** The items now, in the order of the plugins. The array is never changed: a replacement makes a new one. */
  items(): readonly T[];
  /** Grows with every change of the list. */
  readonly version: number;
  /** Calls the listener after each change, synchronously; it must not throw. Returns its removal. */
  changed(listener: () => void): () => void;
}

/** What `get` gives for a named seat. */
export interface LiveNamed<T> {
  /** The one of that name, or the default one for undefined. */
  get(name?: string): T | undefined;
  /** All, by name, in the order of the plugins; the first is the default. */
  entries(): ReadonlyMap<string, T>;
  /** Grows with every change. */
  readonly version: number;
  /** As for lists. */
  changed(listener: () => void): () => void;
}

/** How a token's contributions behave. Read from the token itself, so that two copies of this package agree. */
export interface TokenTraits {
  readonly shape: 'seat' | 'named' | 'list';
  /** What was contributed can be exchanged while running. */
  readonly replaceable: boolean;
  readonly name: string;
}

const PREFIX = 'orrery';
const make = (shape: string, name: string): symbol => Symbol.for(`${PREFIX}:${shape}:${name}`);

/** Declares a seat. A second plugin that takes it is an error that names both. Not replaceable while running. */
export const seat = <T>(name: string): SeatToken<T> => make('seat', name) as SeatToken<T>;

/** Declares a named seat. With `replaceable`, its users read it afresh at each decision. */
export const namedSeat = <T>(name: string, options: { readonly replaceable?: boolean } = {}): NamedSeatToken<T> =>
  make(options.replaceable === true ? 'named!' : 'named', name) as NamedSeatToken<T>;

/** Declares a list. Its items can always be replaced while running: users read it afresh at each decision. */
export const list = <T>(name: string): ListToken<T> => make('list', name) as ListToken<T>;

/** What kind of token this is. A foreign symbol counts as a plain seat, so that users may bring their own. */
export function traitsOf(token: Token): TokenTraits {
  const [prefix, shape, ...rest] = (token.description ?? '').split(':');
  const name = rest.join(':');
  if (prefix === PREFIX && shape === 'list') return { shape: 'list', replaceable: true, name };
  if (prefix === PREFIX && shape === 'named!') return { shape: 'named', replaceable: true, name };
  if (prefix === PREFIX && shape === 'named') return { shape: 'named', replaceable: false, name };
  return { shape: 'seat', replaceable: false, name: prefix === PREFIX ? name : String(token.description) };
}
