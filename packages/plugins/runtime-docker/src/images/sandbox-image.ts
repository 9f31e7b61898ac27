import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { OrreryError } from '@orrery/core';
import type { Engine } from '../engine/engine.js';
import { architecture, inspectImage } from './ask.js';
import { enginePost } from './engine-post.js';
import { pauseProgram } from './pause-program.js';
import { followProgress } from './progress.js';
import { engineImageName, imageName } from './status.js';
import { tarOf } from './tar.js';

/**
 * Where the image of sandboxes comes from: pulled by its name when it is not present; made from a static program of this machine, which must end at SIGTERM; or
 * made from a program that Orrery writes itself.
 */
export type SandboxImageOption = { readonly reference: string } | { readonly build: string } | 'built-in';

const REPOSITORY = 'orrery/pause';
const HASH_CHARACTERS = 16;
/** A program that only waits is small. */
const MAX_PROGRAM_BYTES = 64 * 1024 * 1024;
const IMPORT_LIMIT_MS = 60_000;

/** The image that sandboxes are made from. */
export class SandboxImage {
  #id: string | undefined;

  constructor(
    private readonly engine: Engine,
    private readonly option: SandboxImageOption,
    private readonly pull: (reference: string, signal: AbortSignal) => Promise<{ readonly id: string }>,
  ) {}

  /** Its id; found, pulled or made. Throws as a pull does, `INVALID` for a program that cannot be read, `UNSUPPORTED` for a machine without one. */
  async ensure(signal: AbortSignal): Promise<string> {
    this.#id ??= await this.#make(signal);
    return this.#id;
  }

  /** It turned out to be gone. */
  forget(): void {
    this.#id = undefined;
  }

  /** Whether an image is one that sandboxes are made from, now or by another version of this. */
  isOne({ Id, RepoTags }: { readonly Id: string; readonly RepoTags?: readonly string[] | null | undefined }): boolean {
    const names = RepoTags ?? [];
    if (Id === this.#id || names.some((name) => name.startsWith(`${REPOSITORY}:`))) return true;
    if (this.option === 'built-in' || !('reference' in this.option)) return false;
    const { reference } = this.option;
    const wanted = engineImageName(imageName(reference));
    return names.some((name) => engineImageName(imageName(name)) === wanted);
  }

  async #make(signal: AbortSignal): Promise<string> {
    const { option } = this;
    if (option !== 'built-in' && 'reference' in option) return (await this.#find(engineImageName(imageName(option.reference)), signal)) ?? (await this.pull(option.reference, signal)).id;
    const program = option === 'built-in' ? pauseProgram(await architecture(this.engine, signal)) : await readProgram(option.build);
    const archive = tarOf([{ name: 'pause', mode: 0o755, content: program }]);
    // The name follows from the content: another version makes another image, and the same one is made once.
    const tag = createHash('sha256').update(archive).digest('hex').slice(0, HASH_CHARACTERS);
    const found = await this.#find(`${REPOSITORY}:${tag}`, signal);
    return found ?? this.#import(archive, tag, signal);
  }

  async #import(archive: Uint8Array, tag: string, signal: AbortSignal): Promise<string> {
    const query = new URLSearchParams({ fromSrc: '-', repo: REPOSITORY, tag, message: 'made by Orrery' });
    query.append('changes', 'ENTRYPOINT ["/pause"]');
    const stream = await this.engine.open('make the sandbox image', signal, (_docker, abortSignal) =>
      enginePost(this.engine.socketPath, `/images/create?${query.toString()}`, { 'content-type': 'application/x-tar' }, archive, abortSignal),
    );
    await followProgress(stream, { clock: this.engine.clock, idleMs: IMPORT_LIMIT_MS, abandon: () => stream.destroy() });
    const id = await this.#find(`${REPOSITORY}:${tag}`, signal);
    if (id === undefined) throw new OrreryError('IMAGE_UNAVAILABLE', 'The sandbox image was made, and is gone again.');
    return id;
  }

  async #find(name: string, signal: AbortSignal): Promise<string | undefined> {
    return (await inspectImage(this.engine, name, signal))?.Id;
  }
}

async function readProgram(path: string): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > MAX_PROGRAM_BYTES) throw new RangeError(`it is larger than ${MAX_PROGRAM_BYTES} bytes`);
    return await readFile(path);
  } catch (error) {
    throw new OrreryError('INVALID', `The program of the sandbox image (${path}) cannot be read.`, { path }, error);
  }
}
