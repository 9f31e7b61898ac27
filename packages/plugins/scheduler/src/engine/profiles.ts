import { type LogFields, type Logger, OrreryError, type OutsideInput, type QueuedPod, type SchedulerProfile, errorMessage } from '@orrery/core';
import { type CompiledProfile, compileProfile } from '../classes/compiled-profile.js';

/** The profiles as they are now. Read at decision boundaries only. */
export interface ProfileView {
  /** Grows with every change of a profile, or of the filters and scores added to all of them. */
  readonly version: number;
  /** Calls the listener after each change; returns its removal. */
  changed(listener: () => void): () => void;
  /** All profiles, ready with what was added to them; the first is the default one. */
  list(): readonly SchedulerProfile[];
}

/** A view of profiles that never change. */
export const fixedProfiles = (...profiles: readonly SchedulerProfile[]): ProfileView => ({ version: 0, changed: () => () => {}, list: () => profiles });

/** The profiles compiled, and compiled again when they changed. */
export class Profiles {
  readonly #view: ProfileView;
  readonly #log: Logger;
  #version: number | undefined;
  #compiled = new Map<string, CompiledProfile | OrreryError>();
  #sort: ((a: QueuedPod, b: QueuedPod) => number) | undefined;

  constructor(view: ProfileView, log: Logger) {
    this.#view = view;
    this.#log = log;
  }

  /** The version of the view that was read last. */
  get version(): number | undefined {
    return this.#version;
  }

  /** Reads the view, if it changed since the last time. */
  refresh(): void {
    const { version } = this.#view;
    if (version === this.#version) return;
    this.#version = version;
    const profiles = this.#view.list();
    this.#compiled = new Map(profiles.map((profile) => [profile.schedulerName, this.#compile(profile)]));
    this.#sort = profiles.find(({ queueSort }) => queueSort !== undefined)?.queueSort;
  }

  /** How the first profile that cares wants the queue sorted: there is one queue. */
  get queueSort(): ((a: QueuedPod, b: QueuedPod) => number) | undefined {
    return this.#sort;
  }

  /** What filters of any profile look at besides pods and nodes. */
  get outside(): readonly OutsideInput[] {
    return [...this.#compiled.values()].flatMap((profile) => (OrreryError.is(profile) ? [] : profile.outside));
  }

  /** Whether pods of this scheduler name are ours. */
  has(schedulerName: string): boolean {
    return this.#compiled.has(schedulerName);
  }

  /** The profile of a scheduler name, undefined if there is none. Throws `PLUGIN_FAILED` when it is malformed. */
  get(schedulerName: string): CompiledProfile | undefined {
    const found = this.#compiled.get(schedulerName);
    if (OrreryError.is(found)) throw found;
    return found;
  }

  #compile(profile: SchedulerProfile): CompiledProfile | OrreryError {
    try {
      return compileProfile(profile);
    } catch (error) {
      const fields: LogFields = { profile: profile.schedulerName, error: errorMessage(error) };
      this.#log.error('A scheduling profile is malformed; its pods will not be scheduled.', fields);
      return OrreryError.is(error) ? error : new OrreryError('PLUGIN_FAILED', `Profile "${profile.schedulerName}" is malformed.`, fields, error);
    }
  }
}
