/** What is applied does not fit the schema of its kind. */
export class ApplyTypeError extends Error {
  constructor(at: string, what: string) {
    super(`${at === '' ? '.' : at}: ${what}`);
    this.name = 'ApplyTypeError';
  }
}
