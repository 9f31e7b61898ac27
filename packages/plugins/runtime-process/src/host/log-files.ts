import type { FileHandle } from 'node:fs/promises';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

// A container's log is a row of files with growing numbers; when n + 1 exists, n is complete. Old ones disappear from the front.

const BLOCK_BYTES = 64 * 1024;

/** A place in a log. */
export interface LogPosition {
  readonly file: number;
  readonly offset: number;
}

/** The numbers of the files that exist, ascending; empty when there is no log. */
export async function logFiles(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch(absent<string[]>([]));
  return names.flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b);
}

/** Where the last `lines` lines begin. Reads backwards from the end, and no further than it must. */
export async function tailPosition(directory: string, lines: number): Promise<LogPosition> {
  const files = await logFiles(directory);
  let missing = lines;
  for (const file of files.toReversed()) {
    const handle = await openLog(directory, file);
    if (handle === undefined) break;
    try {
      const { size } = await handle.stat();
      if (missing === 0) return { file, offset: size };
      const found = await lineStartFromEnd(handle, size, missing);
      if (found.lines >= missing) return { file, offset: found.offset };
      missing -= found.lines;
    } finally {
      await handle.close();
    }
  }
  return { file: files[0] ?? 1, offset: 0 };
}

/** The start of the first file that was written to at or after this time; what came before lies in earlier ones. */
export async function sincePosition(directory: string, sinceMs: number): Promise<LogPosition> {
  const files = await logFiles(directory);
  for (const file of files) {
    const stats = await stat(join(directory, `${file}.log`)).catch(absent(undefined));
    // A millisecond of doubt: file systems round times down.
    if (stats !== undefined && stats.mtimeMs + 1 >= sinceMs) return { file, offset: 0 };
  }
  return { file: files.at(-1) ?? 1, offset: 0 };
}

/** Walks a log forward from a place, and can go on when there is more. */
export class LogCursor {
  #handle: FileHandle | undefined;
  #file: number;
  #offset: number;
  #rest: Buffer = Buffer.alloc(0);

  constructor(readonly directory: string, from: LogPosition) {
    this.#file = from.file;
    this.#offset = from.offset;
  }

  /** The lines that exist and were not given yet, block by block; ends at the present end. */
  async *lines(): AsyncGenerator<Buffer> {
    for (;;) {
      this.#handle ??= await openLog(this.directory, this.#file);
      const block = Buffer.allocUnsafe(BLOCK_BYTES);
      const bytesRead = this.#handle === undefined ? 0 : (await this.#handle.read(block, 0, BLOCK_BYTES, this.#offset)).bytesRead;
      if (bytesRead > 0) {
        this.#offset += bytesRead;
        yield* this.#split(block.subarray(0, bytesRead));
      } else if (!(await this.#advance())) {
        return;
      }
    }
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  /** Goes to the next file if there is one and this one has been read to its final end. True when there may be more to read. */
  async #advance(): Promise<boolean> {
    const next = (await logFiles(this.directory)).find((file) => file > this.#file);
    if (next === undefined) return this.#handle === undefined && (this.#handle = await openLog(this.directory, this.#file)) !== undefined;
    // The next one exists, so this one is complete; but it may have grown since it was read.
    if (this.#handle !== undefined && (await this.#handle.stat()).size > this.#offset) return true;
    await this.close();
    this.#file = next;
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    return true;
  }

  *#split(block: Buffer): Generator<Buffer> {
    let data = this.#rest.length === 0 ? block : Buffer.concat([this.#rest, block]);
    for (let end = data.indexOf(0x0a); end >= 0; end = data.indexOf(0x0a)) {
      yield data.subarray(0, end);
      data = data.subarray(end + 1);
    }
    this.#rest = Buffer.from(data);
  }
}

/** Counts lines from the end of a file: at most `wanted`, and where the first of them begins. */
async function lineStartFromEnd(handle: FileHandle, size: number, wanted: number): Promise<{ readonly lines: number; readonly offset: number }> {
  let lines = 0;
  for (let end = size; end > 0; end -= Math.min(end, BLOCK_BYTES)) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { buffer } = await handle.read(Buffer.alloc(end - start), 0, end - start, start);
    for (let at = buffer.length - 1; at >= 0; at--) {
      // The line end of the last line does not begin another one.
      if (buffer[at] !== 0x0a || start + at === size - 1) continue;
      if (++lines === wanted) return { lines, offset: start + at + 1 };
    }
  }
  return { lines: size > 0 ? lines + 1 : 0, offset: 0 };
}

function openLog(directory: string, file: number): Promise<FileHandle | undefined> {
  return open(join(directory, `${file}.log`), 'r').catch(absent(undefined));
}

/** Turns "there is no such file" into a value; other failures are thrown on. */
function absent<T>(value: T): (error: unknown) => T {
  return (error) => {
    if (error instanceof Error && (error as NodeJS.ErrnoException).code === 'ENOENT') return value;
    throw error;
  };
}
