import type { Clock, Logger, Random } from '@orrery/core';
import { OrreryError } from '@orrery/core';
import type { DockerPolicy } from './create/policy.js';

/** How to make a Docker runtime. Everything has a default. */
export interface DockerRuntimeOptions {
  /** The name a pod's runtime class selects. Default `docker`. */
  readonly name?: string;
  /** Tells orchestrators on one engine apart: a runtime sees and touches only what carries its id. Default `default`. Letters, digits, `-`, `_` and `.`. */
  readonly id?: string;
  /** The engine's Unix socket. Default `/var/run/docker.sock`; the environment is not read. */
  readonly socketPath?: string;
  /** The network of pods: `bridge` (default), `none`, or the name of a network of the engine. */
  readonly network?: string;
  /** Image of sandboxes: its name (pulled when it is not present), or a static program that ends at SIGTERM. Default: made here, without a registry. */
  readonly sandboxImage?: string | { readonly build: string };
  /** What pods may ask for. Default: nothing that reaches out of the container. */
  readonly policy?: DockerPolicy;
  /** So many images are pulled at once. Default 4. */
  readonly parallelPulls?: number;
  /** So many containers are started at once. Default 8. */
  readonly parallelStarts?: number;
  /** A container's log file is closed and the next begun above this size. Default 10 MiB, as the kubelet's containerLogMaxSize. */
  readonly logMaxBytes?: number;
  /** How many log files of one container are kept. Default 5, as the kubelet's containerLogMaxFiles. */
  readonly logMaxFiles?: number;
  /** Where `Localhost` seccomp profiles lie. Default `/var/lib/kubelet/seccomp`, as the kubelet's. */
  readonly seccompProfileRoot?: string;
  /** A short call that has not answered after so long is given up, milliseconds. Default 60,000. */
  readonly callTimeoutMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
}

/** Where engines listen unless told otherwise. */
export const USUAL_SOCKET = '/var/run/docker.sock';
/** The id of an orchestrator that names none. */
export const USUAL_ID = 'default';

/** Options with their defaults. */
export type PreparedOptions = Required<Omit<DockerRuntimeOptions, 'clock' | 'random' | 'logger' | 'sandboxImage' | 'parallelPulls' | 'callTimeoutMs'>>;

/** Fills in the defaults. Throws `INVALID`. */
export function prepare(options: DockerRuntimeOptions): PreparedOptions {
  const prepared: PreparedOptions = {
    name: options.name ?? 'docker',
    id: options.id ?? USUAL_ID,
    socketPath: options.socketPath ?? USUAL_SOCKET,
    network: options.network ?? 'bridge',
    policy: options.policy ?? {},
    parallelStarts: options.parallelStarts ?? 8,
    logMaxBytes: options.logMaxBytes ?? 10 * 1024 * 1024,
    logMaxFiles: options.logMaxFiles ?? 5,
    seccompProfileRoot: options.seccompProfileRoot ?? '/var/lib/kubelet/seccomp',
  };
  const { id, network, socketPath, parallelStarts, logMaxFiles, logMaxBytes } = prepared;
  const invalid = (field: string, why: string): OrreryError => new OrreryError('INVALID', `${field}: ${why}.`, { field });
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/.test(id)) throw invalid('id', 'letters, digits, "-", "_" and ".", and at most 63 of them');
  // `host` and `container:` would share somebody's network; that is asked for by a pod and judged by the policy.
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(network) || network === 'host' || network === 'default') throw invalid('network', '"bridge", "none" or the name of a network');
  if (!socketPath.startsWith('/')) throw invalid('socketPath', 'an absolute path');
  if (!Number.isInteger(parallelStarts) || parallelStarts < 1) throw invalid('parallelStarts', 'a whole number, 1 or more');
  // With one file the engine forgets the log each time it is full.
  if (!Number.isInteger(logMaxFiles) || logMaxFiles < 2) throw invalid('logMaxFiles', 'a whole number, 2 or more');
  if (!Number.isInteger(logMaxBytes) || logMaxBytes < 4_096) throw invalid('logMaxBytes', 'a whole number, 4096 or more');
  return prepared;
}
