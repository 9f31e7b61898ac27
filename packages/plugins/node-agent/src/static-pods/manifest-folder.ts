import { constants, watch } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '@orrery/core';

/** A file of manifests: its text, or why it cannot be read. */
export type ManifestFile = { readonly file: string } & ({ readonly text: string } | { readonly problem: string });

/** Where static pods come from. */
export interface ManifestSource {
  /** All files there are now, by name. Throws when that cannot be told; a folder that does not exist is empty. */
  read(): Promise<readonly ManifestFile[]>;
  /** Calls back when something may have changed; only a hint. Returns its end. */
  watch(changed: () => void): () => void;
}

/** No manifest of one pod is larger. */
const MOST_BYTES = 1024 * 1024;
const MOST_FILES = 500;

/** The files of one folder, as the kubelet looks at them: those whose name begins with a dot are left out, and so is what is in folders below. */
export class ManifestFolder implements ManifestSource {
  /** @param problem told when the folder cannot be watched; then only {@link read} shows what is in it */
  constructor(
    readonly path: string,
    private readonly problem: (message: string) => void,
  ) {}

  async read(): Promise<readonly ManifestFile[]> {
    const entries = await readdir(this.path, { withFileTypes: true }).catch(missing);
    const names = (entries ?? []).filter((entry) => !entry.name.startsWith('.') && !entry.isDirectory()).map(({ name }) => name).sort();
    const files = await Promise.all(names.slice(0, MOST_FILES).map((name) => this.#file(name)));
    return [...files.filter((file) => file !== undefined), ...names.slice(MOST_FILES).map((file) => ({ file, problem: `the folder has more than ${MOST_FILES} files` }))];
  }

  watch(changed: () => void): () => void {
    try {
      const watcher = watch(this.path, { persistent: false }, () => changed());
      watcher.on('error', (error) => this.problem(errorMessage(error)));
      return () => watcher.close();
    } catch (error) {
      this.problem(errorMessage(error));
      return () => {};
    }
  }

  /** Undefined: it went away meanwhile. */
  async #file(file: string): Promise<ManifestFile | undefined> {
    try {
      // Without waiting: what is no file (a pipe) may never answer.
      const handle = await open(join(this.path, file), constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const stat = await handle.stat();
        if (!stat.isFile()) return { file, problem: 'not a file' };
        if (stat.size > MOST_BYTES) return { file, problem: `${stat.size} bytes; the limit is ${MOST_BYTES}` };
        const buffer = Buffer.alloc(MOST_BYTES + 1);
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
        return bytesRead > MOST_BYTES ? { file, problem: `more than ${MOST_BYTES} bytes` } : { file, text: buffer.toString('utf8', 0, bytesRead) };
      } finally {
        await handle.close();
      }
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : { file, problem: errorMessage(error) };
    }
  }
}

function missing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
  return undefined;
}
