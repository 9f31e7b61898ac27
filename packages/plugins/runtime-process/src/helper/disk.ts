import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { layout } from '../shared/layout.js';
import type { ContainerRecord, SandboxRecord } from '../shared/records.js';
import { isId, parseRecord } from '../shared/records.js';
import { errno, messageOf } from './failure.js';

/** Writes a file whole or not at all. A crash of the process cannot tear it; it is not synced, for after a power cut nothing runs anyway. */
export function writeAtomically(path: string, text: string): void {
  const part = `${path}.part`;
  writeFileSync(part, text, { mode: 0o600 });
  renameSync(part, path);
}

/** Reads a file, or `undefined` when there is none. */
export function readIfPresent(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Makes a directory (and its parents) that only this user can enter. */
export function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
}

/** Removes a tree. Symbolic links in it are removed, never followed. Safe to call twice. */
export function removeTree(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** The records of a state directory. */
export class Disk {
  constructor(readonly stateDir: string, readonly complain: (message: string) => void) {
    for (const directory of [layout.sandboxes(stateDir), layout.containers(stateDir)]) makeDirectory(directory);
  }

  saveSandbox(record: SandboxRecord): void {
    writeAtomically(layout.sandbox(this.stateDir, record.id), JSON.stringify(record));
  }

  removeSandbox(id: string): void {
    removeTree(layout.sandbox(this.stateDir, id));
  }

  saveContainer(record: ContainerRecord): void {
    writeAtomically(layout.record(this.stateDir, record.id), JSON.stringify(record));
  }

  removeContainer(id: string): void {
    removeTree(layout.container(this.stateDir, id));
  }

  loadSandboxes(): SandboxRecord[] {
    const names = readdirSync(layout.sandboxes(this.stateDir)).filter((name) => name.endsWith('.json'));
    return names.flatMap((name) => this.#load<SandboxRecord>(name.slice(0, -'.json'.length), join(layout.sandboxes(this.stateDir), name)));
  }

  loadContainers(): ContainerRecord[] {
    return readdirSync(layout.containers(this.stateDir)).flatMap((id) => this.#load<ContainerRecord>(id, layout.record(this.stateDir, id)));
  }

  /** One record, or none: a directory without a record is a creation that was cut short, and goes. One that cannot be read is kept and complained about. */
  #load<T extends ContainerRecord | SandboxRecord>(id: string, path: string): T[] {
    if (!isId(id)) return [];
    try {
      const text = readIfPresent(path);
      if (text !== undefined) return [parseRecord<T>(text)];
      removeTree(dirname(path));
    } catch (error) {
      this.complain(`The record ${path} cannot be read and is left alone: ${messageOf(error)}`);
    }
    return [];
  }
}
