import { get } from 'node:http';

/** Sends requests at a rate that can be changed, each on a connection of its own. */
export class Load {
  /** Requests a second. */
  rate = 0;
  /** Answered with 200 so far. */
  answered = 0;
  /** Refused, reset or answered otherwise. */
  failed = 0;
  #owed = 0;
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly url: string) {
    const everyMs = 20;
    this.#timer = setInterval(() => {
      for (this.#owed += (this.rate * everyMs) / 1000; this.#owed >= 1; this.#owed -= 1) void this.ask();
    }, everyMs);
  }

  /** One request; resolves with the name of the pod that answered, or undefined. */
  ask(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const fail = (): void => {
        this.failed += 1;
        resolve(undefined);
      };
      const request = get(this.url, { agent: false, timeout: 30_000 }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          if (response.statusCode !== 200) return fail();
          this.answered += 1;
          resolve(text.trim());
        });
      });
      request.on('error', fail).on('timeout', () => request.destroy(new Error('no answer')));
    });
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
