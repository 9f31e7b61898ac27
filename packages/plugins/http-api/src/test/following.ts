import type { ChildProcess } from 'node:child_process';
import { request } from 'node:http';
import { PassThrough } from 'node:stream';
import { systemClock } from '@orrery/core';

/** A command that goes on, with what it has said so far. */
export interface Followed {
  readonly child: ChildProcess;
  said(): string;
  /** Rejects when it ends before it has said so. */
  until(text: RegExp): Promise<RegExpExecArray>;
  readonly ended: Promise<number | null>;
}

/** Follows a command. */
export function followed(child: ChildProcess): Followed {
  let said = '';
  const listeners = new Set<() => void>();
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      for (const listener of listeners) listener();
    });
  }
  const until = (text: RegExp): Promise<RegExpExecArray> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = text.exec(said);
        if (found !== null) resolve(found);
      };
      listeners.add(look);
      void ended.then((code) => reject(new Error(`it ended with ${code}: ${said}`)));
      look();
    });
  return { child, said: () => said, until, ended };
}

/** Resolves when a condition holds, which must be soon. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const until = systemClock.monotonic() + 10_000;
  while (!(await condition())) {
    if (systemClock.monotonic() > until) throw new Error(`it did not come about: ${what}`);
    await systemClock.sleep(20, new AbortController().signal);
  }
}

/** What a server on this machine answers. */
export const get = (port: number, path: string): Promise<string> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('end', () => resolve(text)).on('error', reject);
    }).on('error', reject).end();
  });

/** What comes on a stream, and its text when it ends. */
export function sink(): { readonly stream: PassThrough; text(): string; until(text: string): Promise<void> } {
  const stream = new PassThrough();
  let said = '';
  stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const until = (text: string): Promise<void> => eventually(`it says ${text}`, () => said.includes(text));
  return { stream, text: () => said, until };
}
