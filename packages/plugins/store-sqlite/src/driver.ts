import { errorMessage, OrreryError } from '@orrery/core';

/** A value that SQLite keeps; booleans and objects are not among them. */
export type SqliteValue = string | number | null;

/** One row, by column. */
export type SqliteRow = Readonly<Record<string, unknown>>;

/** A compiled statement. Parameters are positional. */
export interface SqliteStatement {
  run(...parameters: SqliteValue[]): unknown;
  get(...parameters: SqliteValue[]): SqliteRow | undefined;
  all(...parameters: SqliteValue[]): SqliteRow[];
}

/**
 * What the store asks of a driver: the synchronous part of `node:sqlite` that it uses, so that the built-in module and its drop-in replacements fit as they are.
 * Errors carry SQLite's extended result code as `errcode`.
 */
export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

/** Opens the database file at a path, which exists and may be empty. */
export type OpenDatabase = (path: string) => SqliteDatabase;

/** Which driver to use: a named one, the first that loads, or one's own. */
export type SqliteDriver = 'auto' | 'package' | 'node' | OpenDatabase;

/**
 * Loads a driver. `auto` takes the package, whose SQLite is the one tested with here, and where it does not load (a platform without a prebuilt binary) Node's built-in module.
 * Throws `UNSUPPORTED` with the reasons when none can be loaded.
 */
export async function loadDriver(driver: SqliteDriver): Promise<OpenDatabase> {
  if (typeof driver === 'function') return driver;
  const problems: unknown[] = [];
  for (const name of driver === 'auto' ? (['package', 'node'] as const) : [driver]) {
    try {
      return await (name === 'package' ? loadPackage() : loadBuiltIn());
    } catch (error) {
      problems.push(error);
    }
  }
  const reasons = problems.map(errorMessage).join(' | ');
  throw new OrreryError('UNSUPPORTED', `No driver for SQLite can be loaded on Node ${process.version}: ${reasons}.`, { driver }, new AggregateError(problems));
}

async function loadPackage(): Promise<OpenDatabase> {
  const { DatabaseSync } = await import('@photostructure/sqlite');
  return (path) => new LettingGo(new DatabaseSync(path) as SqliteDatabase);
}

async function loadBuiltIn(): Promise<OpenDatabase> {
  // Types of Node 20 do not know it yet.
  const name = 'node:sqlite';
  const { DatabaseSync } = (await import(name)) as { readonly DatabaseSync: new (path: string) => SqliteDatabase };
  return (path) => new DatabaseSync(path);
}

/**
 * The package cannot finalize a statement, and SQLite keeps the files of a closed database open until the last of its statements is collected as garbage. So that they can be,
 * whoever still holds the store, statements are let go with the database.
 */
class LettingGo implements SqliteDatabase {
  readonly #release: (() => void)[] = [];

  constructor(private readonly database: SqliteDatabase) {}

  exec(sql: string): void {
    this.database.exec(sql);
  }

  prepare(sql: string): SqliteStatement {
    let statement: SqliteStatement | undefined = this.database.prepare(sql);
    this.#release.push(() => (statement = undefined));
    const open = (): SqliteStatement => {
      if (statement === undefined) throw new OrreryError('CLOSED', 'The database is closed.');
      return statement;
    };
    return { run: (...values) => open().run(...values), get: (...values) => open().get(...values), all: (...values) => open().all(...values) };
  }

  close(): void {
    for (const release of this.#release.splice(0)) release();
    this.database.close();
  }
}
