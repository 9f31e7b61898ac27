import { styleText } from 'node:util';

/** What a command tells its user: coloured on a terminal, plain text elsewhere. */
export class Report {
  readonly #colour: boolean;

  constructor(
    private readonly out: NodeJS.WriteStream,
    private readonly err: NodeJS.WriteStream,
  ) {
    this.#colour = out.isTTY === true && process.env['NO_COLOR'] === undefined;
  }

  /** Something that is done. */
  done(text: string): void {
    this.out.write(`${this.#style('green', '✔')} ${text}\n`);
  }

  /** A line for the user to use. */
  line(text: string): void {
    this.out.write(`  ${text}\n`);
  }

  /** Why it ended. */
  failed(text: string): void {
    this.err.write(`${this.#style('red', 'error:')} ${text}\n`);
  }

  /** More about a failure, when there is more. */
  detail(text: string | undefined): void {
    if (text !== undefined) this.err.write(`${text}\n`);
  }

  #style(format: 'green' | 'red', text: string): string {
    return this.#colour ? styleText(format, text) : text;
  }
}
