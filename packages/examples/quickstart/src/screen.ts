import { styleText } from 'node:util';

/** Prints the tour: coloured on a terminal, plain text elsewhere. */
export class Screen {
  readonly #colour = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
  readonly #start = process.hrtime.bigint();
  #step = 0;

  /** Begins a step. */
  step(title: string): void {
    this.#step += 1;
    this.#print(`\n${this.#style('bold', `${this.#step}. ${title}`)}`);
  }

  /** Something that was observed. */
  ok(text: string): void {
    this.#print(`   ${this.#style('green', '✔')} ${text}`);
  }

  /** Something worth reading. */
  text(text: string): void {
    for (const line of text.split('\n')) this.#print(`     ${line}`);
  }

  /** The end. */
  failed(text: string): void {
    this.#print(`   ${this.#style('red', '✘')} ${text}`);
  }

  /** Seconds since the beginning. */
  get seconds(): number {
    return Number(process.hrtime.bigint() - this.#start) / 1e9;
  }

  #style(format: 'bold' | 'green' | 'red', text: string): string {
    return this.#colour ? styleText(format, text) : text;
  }

  #print(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}
