import { OrreryError } from '@orrery/core';
import type Docker from 'dockerode';
import type { Engine } from '../engine/engine.js';

/** The driver's calls with a signal, which its types leave out. */
interface WithSignal {
  info(options: { abortSignal: AbortSignal }): Promise<{ readonly DockerRootDir: string }>;
  version(options: { abortSignal: AbortSignal }): Promise<{ readonly Arch: string }>;
  df(options: { abortSignal: AbortSignal }): Promise<{ readonly LayersSize?: number }>;
  getImage(name: string): { inspect(options: { abortSignal: AbortSignal }): Promise<Docker.ImageInspectInfo> };
}

const ask = <T>(engine: Engine, what: string, signal: AbortSignal, question: (docker: WithSignal, options: { abortSignal: AbortSignal }) => Promise<T>): Promise<T> =>
  engine.call(what, signal, (docker, abortSignal) => question(docker as unknown as WithSignal, { abortSignal }), { idempotent: true });

/** What the engine knows of an image; undefined when it is not present. */
export async function inspectImage(engine: Engine, name: string, signal: AbortSignal): Promise<Docker.ImageInspectInfo | undefined> {
  try {
    return await ask(engine, `inspect image ${name}`, signal, (docker, options) => docker.getImage(name).inspect(options));
  } catch (error) {
    if (OrreryError.is(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** The engine's machine, in its own words: `amd64`. */
export async function architecture(engine: Engine, signal: AbortSignal): Promise<string> {
  return (await ask(engine, 'ask for the version', signal, (docker, options) => docker.version(options))).Arch;
}

/** The folder in which the engine keeps everything. */
export async function dataRoot(engine: Engine, signal: AbortSignal): Promise<string> {
  return (await ask(engine, 'ask where data lies', signal, (docker, options) => docker.info(options))).DockerRootDir;
}

/** What all layers of images take together, bytes. */
export async function layersBytes(engine: Engine, signal: AbortSignal): Promise<number> {
  return (await ask(engine, 'ask how much images take', signal, (docker, options) => docker.df(options))).LayersSize ?? 0;
}
