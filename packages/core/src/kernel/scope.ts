import { longLived } from './abort.js';
import { errorMessage, OrreryError } from './errors.js';

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
  #forget = (): void => {};

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

  /**
   * Registers an undo. When it is too late (the scope closes or is closed, as after a setup that took too long) it is undone at once, so that what was
   * started is never left behind, and `CLOSED` is thrown. Whatever waits for {@link Scope.close} from then on waits for this undo too and is told if it fails.
   */
  defer(undo: Undo): void {
    if (this.#closing !== undefined) {
      const undone = (async () => undo())();
      const before = this.#closing;
      this.#closing = (async () => {
        const outcomes = await Promise.allSettled([before, undone]);
        failTogether(this.name, outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : [])));
      })();
      // Whoever closed it may be gone already; whoever closes it again is told.
      this.#closing.catch((error: unknown) => error);
      throw new OrreryError('CLOSED', `Scope "${this.name}" is closed.`);
    }
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
    const undo = (): Promise<void> => child.close();
    this.defer(undo);
    // One that is closed before its parent is forgotten: a parent may outlive any number of children.
    child.#forget = () => {
      const at = this.#stack.lastIndexOf(undo);
      if (at >= 0) this.#stack.splice(at, 1);
    };
    return child;
  }

  /** Safe to call more than once. Rejects with the only error, or an `AggregateError`. */
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
    this.#forget();
    failTogether(this.name, errors);
  }
}

function failTogether(scope: string, errors: readonly unknown[]): void {
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, `Closing scope "${scope}" failed in ${errors.length} places: ${errors.map(errorMessage).join(' | ')}`);
}
