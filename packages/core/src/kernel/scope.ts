import { longLived } from './abort.js';
import { OrreryError } from './errors.js';

/** What a scope undoes. May be asynchronous. */
export type Undo = () => unknown;

/**
 * An undo stack: register the undo in the same line that starts the thing.
 * Closing aborts {@link Scope.signal} first, then runs the undos last-in-first-out, one after the other, all of them even if some fail.
 */
export class Scope implements AsyncDisposable {
  readonly #stack: Undo[] = [];
  readonly #abort = longLived(new AbortController());
  #closing: Promise<void> | undefined;

  /** @param name appears in errors */
  constructor(readonly name: string) {}

  /** Aborts when the scope begins to close. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** True from the first call of {@link Scope.close}. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Registers an undo. Throws `CLOSED` when it is too late: the caller then still owns the thing. */
  defer(undo: Undo): void {
    if (this.#closing !== undefined) throw new OrreryError('CLOSED', `Scope "${this.name}" is closed.`);
    this.#stack.push(undo);
  }

  /** Registers the disposal of a resource and returns it. */
  own<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.defer(() => (Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose]()));
    return resource;
  }

  /** A scope that is closed with this one, if not before. */
  child(name: string): Scope {
    const child = new Scope(`${this.name}/${name}`);
    this.defer(() => child.close());
    return child;
  }

  /** Safe to call more than once: every call gets the same promise. Rejects with the only error, or an `AggregateError`. */
  close(): Promise<void> {
    return (this.#closing ??= this.#run());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #run(): Promise<void> {
    this.#abort.abort(new OrreryError('CLOSED', `Scope "${this.name}" is closing.`));
    const errors: unknown[] = [];
    for (let undo = this.#stack.pop(); undo !== undefined; undo = this.#stack.pop()) {
      try {
        await undo();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `Closing scope "${this.name}" failed in ${errors.length} places.`);
  }
}
