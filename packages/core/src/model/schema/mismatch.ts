/** Input that does not fit its schema. Where is known to whoever decodes; what is said here. */
export class Mismatch extends Error {
  constructor(
    message: string,
    /** What Go would call the wanted type; undefined when the type fits and the value does not. */
    readonly wanted?: string,
  ) {
    super(message);
    this.name = 'Mismatch';
  }
}

/** Makers of mismatches, worded as Go's decoder. */
export const MISMATCH = {
  type: (input: unknown, wanted: string): Mismatch => new Mismatch(`cannot unmarshal ${nameOf(input)}`, wanted),
  value: (message: string): Mismatch => new Mismatch(message),
} as const;

function nameOf(input: unknown): string {
  if (input === null || input === undefined) return 'null';
  if (Array.isArray(input)) return 'array';
  if (typeof input === 'number') return Number.isInteger(input) ? `number ${input}` : 'number';
  return typeof input === 'boolean' ? 'bool' : typeof input;
}
