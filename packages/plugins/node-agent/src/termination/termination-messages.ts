import { constants } from 'node:fs';
import { chmod, mkdir, open, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Container, type Mount, OrreryError, type Pod, type Runtime, type RuntimeContainerStatus } from '@orrery/core';
import { allContainers, type PodView } from '../pod/view.js';
import type { PodFolders } from '../volumes/pod-folders.js';
import { lastOfLog } from './last-of-log.js';

/** What is read of one container's file, bytes (kubelet MaxContainerTerminationMessageLength). */
const LONGEST = 4096;
/** What the containers of one pod have together, bytes (kubelet MaxPodTerminationMessageLogLength). */
const LONGEST_OF_POD = 12 * 1024;
const DEFAULT_PATH = '/dev/termination-log';

/** Where a container leaves its last words, and what it left. */
export interface TerminationMessages {
  /** Makes the file of an attempt, and says where it is shown; undefined where there is none. */
  mount(pod: Pod, container: Container, attempt: number): Promise<Mount | undefined>;
  /**
   * The view, with the messages of containers that have ended. Each is read once. A message that cannot be read is told in its place
   * and does not fail.
   */
  annotate(pod: Pod, view: PodView, signal: AbortSignal): Promise<PodView>;
}

/**
 * Termination messages in files below the pod's folder, or, if a container asks for that, from the end of its log
 * (kuberuntime getTerminationMessage, readLastStringFromContainerLogs).
 */
export class FileTerminationMessages implements TerminationMessages {
  /** By container id, as long as its pod shows it. */
  readonly #known = new Map<string, string>();

  constructor(
    private readonly folders: PodFolders,
    private readonly runtime: Pick<Runtime, 'capabilities' | 'logs'>,
  ) {}

  async mount(pod: Pod, container: Container, attempt: number): Promise<Mount | undefined> {
    if (!this.#hasFile(container)) return undefined;
    const uid = pod.metadata.uid ?? '';
    const hostPath = this.folders.terminationLog(uid, container.name, attempt);
    await mkdir(dirname(hostPath), { recursive: true, mode: 0o755 });
    await writeFile(hostPath, '', { flag: 'a', mode: 0o666 });
    // Whoever the container runs as may write it.
    await chmod(hostPath, 0o666);
    // The runtime keeps one dead attempt beside the newest.
    if (attempt > 1) await rm(this.folders.terminationLog(uid, container.name, attempt - 2), { force: true });
    return { hostPath, containerPath: container.terminationMessagePath ?? DEFAULT_PATH, readOnly: false };
  }

  async annotate(pod: Pod, view: PodView, signal: AbortSignal): Promise<PodView> {
    const containers = allContainers(pod);
    const longest = Math.floor(LONGEST_OF_POD / containers.length);
    const annotated = await Promise.all(
      view.containers.map(async (status) => {
        const container = containers.find(({ name }) => name === status.name);
        if (container === undefined || status.state !== 'exited' || status.id === '') return status;
        const known = this.#known.get(status.id);
        const words = known ?? (await this.#read(pod, container, status, signal));
        if (known === undefined) this.#remember(status.id, words);
        const message = shortened([status.message ?? '', words].filter((part) => part !== '').join(': '), longest);
        return message === '' ? status : { ...status, message };
      }),
    );
    return { ...view, containers: annotated };
  }

  /** A bounded memory: the oldest is forgotten, and read again when it is needed. */
  #remember(id: string, words: string): void {
    this.#known.set(id, words);
    const oldest = this.#known.size > MOST_KNOWN ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  /** Where mounts are somewhere else than they say, only a container that asks for a place of its own looks for it. */
  #hasFile({ terminationMessagePath }: Container): boolean {
    const { mounts, realProcesses } = this.runtime.capabilities;
    if (!realProcesses || terminationMessagePath === '') return false;
    return mounts || (terminationMessagePath ?? DEFAULT_PATH) !== DEFAULT_PATH;
  }

  async #read(pod: Pod, container: Container, status: RuntimeContainerStatus, signal: AbortSignal): Promise<string> {
    const path = this.folders.terminationLog(pod.metadata.uid ?? '', container.name, status.attempt);
    try {
      const words = this.#hasFile(container) ? await endOfFile(path, LONGEST) : '';
      if (words !== '' || container.terminationMessagePolicy !== 'FallbackToLogsOnError' || status.exitCode === 0) return words;
      return await lastOfLog(this.runtime, status.id, signal);
    } catch (error) {
      if (signal.aborted || OrreryError.is(error, 'UNAVAILABLE')) throw error;
      return `Error on reading termination log: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
}

const MOST_KNOWN = 4096;

/** The end of a file that somebody else may have exchanged for something worse; '' when there is none. */
async function endOfFile(path: string, most: number): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  });
  if (file === undefined) return '';
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw new OrreryError('INVALID', 'it is not a file any more');
    const from = Math.max(0, stat.size - most);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(most, stat.size)), 0, Math.min(most, stat.size), from);
    return wholeText(buffer.subarray(0, bytesRead), from > 0);
  } finally {
    await file.close();
  }
}

/** Text of bytes of which the first character may have been cut. */
function wholeText(bytes: Buffer, cut: boolean): string {
  let start = 0;
  while (cut && start < 3 && start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start).toString('utf8');
}

/** At most so many bytes of text, without cutting a character. */
function shortened(text: string, most: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= most) return text;
  let end = most;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString('utf8');
}
