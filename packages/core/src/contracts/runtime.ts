import { namedSeat } from '../kernel/tokens.js';
import type { ContainerResources, ContainerStats, PodIdentity } from './runtime-resources.js';

export type { ContainerResources, ContainerStats, PodIdentity } from './runtime-resources.js';

/**
 * The runtime seat: runs pods on one node. Its shape is that of the Kubernetes CRI (runtime.v1), in plain objects.
 *
 * Identity lives in {@link PodIdentity} and in labels, so that a new process finds everything again by listing.
 * The list is the truth; {@link Runtime.events} only hints that listing again is worth while.
 * Unless a method says otherwise it may be called twice with the same arguments (a retry after a lost reply) and the
 * second call has no further effect; ids that are unknown are not an error for stop and remove.
 */
export interface Runtime extends AsyncDisposable {
  /** Told apart by this name (a pod's `runtimeClassName` selects it; one runtime is the node's default). */
  readonly name: string;
  /** What this runtime can do. Asked before use; a method outside it throws `UNSUPPORTED`. */
  readonly capabilities: RuntimeCapabilities;

  /** Checks that the engine answers. Throws `UNAVAILABLE` with the reason. */
  ready(signal: AbortSignal): Promise<void>;

  /**
   * Makes the pod's sandbox: its address and whatever its containers share. Resolves when containers can be created in it.
   * Calling it again for the same `uid` and `attempt` returns the existing sandbox.
   * Throws `CONFLICT` when a host port is taken, `EXHAUSTED` when there is no space, `FORBIDDEN` for what this runtime's policy does not allow,
   * `INVALID` for a config that makes no sense. Of the first two trying again may help; nothing of a failed one runs, and it may stay listed as `notReady`.
   */
  runSandbox(config: SandboxConfig, signal: AbortSignal): Promise<SandboxStatus>;
  /** Ends all containers of the sandbox at once and releases its network. The sandbox stays listed as `notReady`. */
  stopSandbox(sandboxId: string, signal: AbortSignal): Promise<void>;
  /** Stops if needed, then forgets the sandbox, its containers and their logs. */
  removeSandbox(sandboxId: string, signal: AbortSignal): Promise<void>;
  /** All sandboxes that carry this orchestrator's identity, whatever their state, or those of one pod (by its uid), which costs no more than that pod. */
  listSandboxes(signal: AbortSignal, podUid?: string): Promise<readonly SandboxStatus[]>;

  /**
   * Prepares a container without starting it. The same sandbox, name and attempt return the existing container's id.
   * Throws `INVALID` (nothing to run), `IMAGE_UNAVAILABLE`, `NOT_FOUND` (sandbox), `EXHAUSTED` (no space), `FORBIDDEN` (the runtime's policy).
   */
  createContainer(sandboxId: string, config: ContainerConfig, signal: AbortSignal): Promise<string>;
  /** Starts a created container. Throws `INVALID` with the engine's words when it cannot be started (no such program …); the status then says `exited`. */
  startContainer(containerId: string, signal: AbortSignal): Promise<void>;
  /**
   * Asks the container to end (its stop signal), and kills it after `graceMs`. Resolves when it has ended.
   * Abort means "stop waiting", not "leave it running".
   */
  stopContainer(containerId: string, graceMs: number, signal: AbortSignal): Promise<void>;
  /**
   * Changes what a running container may use, without restarting it: cpu and memory as `resources` names them. What it does not name stays as it is; the limit of processes
   * and the score for the kernel's killer never change. Throws `NOT_FOUND` when it does not run, and `INVALID` with the engine's words when that cannot be
   * (less memory than is in use …); what was in force then still is. Capability `resize`.
   */
  updateContainer(containerId: string, resources: ContainerResources, signal: AbortSignal): Promise<void>;
  /** Kills if needed, then forgets the container and its logs. */
  removeContainer(containerId: string, signal: AbortSignal): Promise<void>;
  /** One container's state. Throws `NOT_FOUND`. */
  containerStatus(containerId: string, signal: AbortSignal): Promise<RuntimeContainerStatus>;
  /** All containers of this orchestrator, or of one sandbox. */
  listContainers(signal: AbortSignal, sandboxId?: string): Promise<readonly RuntimeContainerStatus[]>;

  /**
   * The container's output in order. Ends after the last line that exists, or with `follow` when the container has ended or `signal` aborts.
   * Works after the container has ended, until it is removed. Throws `NOT_FOUND`.
   */
  logs(containerId: string, options: LogOptions, signal: AbortSignal): AsyncIterable<LogEntry>;
  /** Runs a command inside a running container. Throws `NOT_FOUND` when it is not running. */
  exec(containerId: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession>;
  /** Joins the streams of the container's main process. */
  attach(containerId: string, options: AttachOptions, signal: AbortSignal): Promise<ExecSession>;
  /** Opens one connection to a TCP port inside the sandbox. Throws `UNAVAILABLE` when refused. */
  portForward(sandboxId: string, port: number, signal: AbortSignal): Promise<DuplexStream>;
  /** Use of cpu and memory of the running containers. */
  stats(signal: AbortSignal): Promise<readonly ContainerStats[]>;

  /**
   * Fetches the image from its registry, also when it is present: whether that is wanted is the caller's decision.
   * For a runtime without images it resolves with the reference itself.
   * Throws `INVALID` for a malformed reference and `IMAGE_UNAVAILABLE` with the registry's words; credentials never appear in them.
   */
  pullImage(reference: string, signal: AbortSignal, auth?: RegistryAuth): Promise<ImageStatus>;
  /** The image if it is present, by name, digest or id. Throws `INVALID` for a malformed reference. */
  imageStatus(reference: string, signal: AbortSignal): Promise<ImageStatus | undefined>;
  /** All images that are present. Empty for a runtime without images. */
  listImages(signal: AbortSignal): Promise<readonly ImageStatus[]>;
  /** Removes an image and its names. One that is unknown is no error; one in use throws `CONFLICT`. */
  removeImage(id: string, signal: AbortSignal): Promise<void>;
  /** Where images and writable layers lie and how much they take; undefined when the runtime has none. */
  imageFilesystem(signal: AbortSignal): Promise<ImageFilesystem | undefined>;

  /**
   * Hints that something changed. May miss or repeat; a consumer lists to learn what is. Ends when `signal` aborts;
   * throws `UNAVAILABLE` when the engine went away.
   */
  events(signal: AbortSignal): AsyncIterable<RuntimeEvent>;
}

/** What a runtime can do; the conformance suite skips what is not declared. */
export interface RuntimeCapabilities {
  /** Containers come from images. Without it the image is only a name. */
  readonly images: boolean;
  readonly exec: boolean;
  readonly attach: boolean;
  /** Exec, attach and containers can have a terminal. */
  readonly tty: boolean;
  readonly portForward: boolean;
  readonly stats: boolean;
  /** Mounts appear exactly at their `containerPath`. Without it see the runtime's README for where they appear. */
  readonly mounts: boolean;
  /** Pods have a network of their own; PID and IPC namespaces can be the pod's or the host's; DNS and host ports are honoured. */
  readonly namespaces: boolean;
  /** All of {@link ContainerSecurity} is enforced. Without it only users and groups may be. */
  readonly confinement: boolean;
  /** Memory and cpu limits are enforced and `OOMKilled` is told. */
  readonly limits: boolean;
  /** What a running container may use can be changed, and statuses tell `resources`. */
  readonly resize: boolean;
  /** Containers outlive the host process and are found again. */
  readonly survivesRestart: boolean;
  /** Real programs run: output, exit codes and signals are theirs. False for a simulated runtime. */
  readonly realProcesses: boolean;
}

/** What a sandbox is made from. */
export interface SandboxConfig {
  readonly pod: PodIdentity;
  /** Counts sandboxes of one pod, from 0. */
  readonly attempt: number;
  readonly hostname: string;
  /** Kept with the sandbox and returned by the list. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The pod shares the host's network: its address is the node's. */
  readonly hostNetwork: boolean;
  readonly hostPorts: readonly PortMapping[];
  /** Whose processes containers see: each its own, the whole pod's, or the host's. Absent: `container`. */
  readonly pidNamespace?: 'container' | 'pod' | 'host';
  /** With whom containers share System V IPC and /dev/shm. Absent: `pod`. */
  readonly ipcNamespace?: 'pod' | 'host';
  /** The resolver's settings; absent: the engine's default. */
  readonly dns?: DnsConfig;
  /** Kernel parameters of the pod's namespaces. */
  readonly sysctls?: Readonly<Record<string, string>>;
}

/** What /etc/resolv.conf says. */
export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  /** e.g. `ndots:5`. */
  readonly options: readonly string[];
}

/** A port of the pod published on the node. */
export interface PortMapping {
  readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  readonly containerPort: number;
  readonly hostPort: number;
  /** '' or absent: every address of the node. */
  readonly hostIP?: string;
}

/** A sandbox as the runtime sees it. */
export interface SandboxStatus {
  readonly id: string;
  readonly pod: PodIdentity;
  readonly attempt: number;
  readonly state: 'ready' | 'notReady';
  /** The pod's addresses; empty with host network. */
  readonly ips: readonly string[];
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What a container is made from. Everything is decided by the agent; a runtime adds nothing of its own. */
export interface ContainerConfig {
  readonly name: string;
  /** Counts starts of this container in this pod, from 0. */
  readonly attempt: number;
  readonly image: string;
  /** Entry point; empty means the image's own. A runtime without images needs it. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir?: string;
  /** In order; a later name wins. */
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  /** Devices of the host. Absent: none. */
  readonly devices?: readonly Device[];
  readonly resources: ContainerResources;
  readonly stdin: boolean;
  /** Standard input ends when the first client that attached to it leaves. */
  readonly stdinOnce?: boolean;
  readonly tty: boolean;
  /** e.g. `SIGTERM`, `SIGQUIT`; absent: the image's, else SIGTERM. */
  readonly stopSignal?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly security: ContainerSecurity;
  /** The container joins the PID namespace of this one (for debugging it), by id. */
  readonly targetContainerId?: string;
}

/** A device of the host made usable in a container. */
export interface Device {
  readonly hostPath: string;
  readonly containerPath: string;
  /** A subset of `rwm`: read, write, make nodes. */
  readonly permissions: string;
}

/** A host path made visible to a container. A runtime without mount namespaces links it (see its README). */
export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  /** Whether mounts made later on one side appear on the other. Absent: `None`. */
  readonly propagation?: 'None' | 'HostToContainer' | 'Bidirectional';
}

/** Who the container's processes are and what they may do. */
export interface ContainerSecurity {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly supplementalGroups?: readonly number[];
  readonly readOnlyRootFilesystem?: boolean;
  readonly privileged?: boolean;
  readonly allowPrivilegeEscalation?: boolean;
  /** Without `CAP_`; `ALL` stands for every one. */
  readonly addCapabilities?: readonly string[];
  readonly dropCapabilities?: readonly string[];
  /** Which system calls are allowed. Absent: the engine's default profile. A `Localhost` profile is a path below the runtime's folder of profiles. */
  readonly seccomp?: { readonly type: 'RuntimeDefault' | 'Unconfined' } | { readonly type: 'Localhost'; readonly profile: string };
  /** `Unmasked` shows all of /proc. Absent: `Default`. */
  readonly procMount?: 'Default' | 'Unmasked';
}

/** A container as the runtime sees it. */
export interface RuntimeContainerStatus {
  readonly id: string;
  readonly sandboxId: string;
  readonly pod: PodIdentity;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  /** A digest or id of what actually runs. */
  readonly imageId: string;
  readonly state: 'created' | 'running' | 'exited' | 'unknown';
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  /** 0 to 255; 128 + n for a signal n, as a shell tells it. */
  readonly exitCode?: number;
  readonly signal?: number;
  /** Kubernetes' words: `Completed`, `Error`, `OOMKilled`, `StartError`, `ContainerStatusUnknown`. */
  readonly reason?: string;
  readonly message?: string;
  /** What it may use now: what it was made with, and what was changed since. Absent where the engine does not tell; always told with the capability `resize`. */
  readonly resources?: ContainerResources;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Which part of the output is wanted. */
export interface LogOptions {
  readonly follow?: boolean;
  /** Only the last so many lines. */
  readonly tailLines?: number;
  /** Only lines at or after this time, in milliseconds since the epoch. */
  readonly sinceTime?: number;
  /** Stop after so many bytes of content. */
  readonly limitBytes?: number;
}

/** One line of output (or a piece of one longer than the runtime's limit). */
export interface LogEntry {
  /** RFC 3339 with nanoseconds, as written in the CRI log format. */
  readonly timestamp: string;
  readonly stream: 'stdout' | 'stderr';
  /** Without the line feed that ends it. A carriage return before it, as a terminal writes one, is part of the line. */
  readonly line: string;
  /** The line goes on in the next entry. */
  readonly partial: boolean;
}

/** A command to run in a container. */
export interface ExecOptions {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
}

/** Which streams to join. */
export interface AttachOptions {
  readonly stdin: boolean;
  readonly tty: boolean;
}

/** A running command and its streams. */
export interface ExecSession {
  /** Bytes for the command. `end` closes its standard input. */
  readonly stdin: { write(chunk: Uint8Array): Promise<void>; end(): void };
  readonly stdout: AsyncIterable<Uint8Array>;
  readonly stderr: AsyncIterable<Uint8Array>;
  /** Settles when the command has ended: 0 to 255, 128 + n for a signal. Rejects when the connection to it was lost. */
  readonly exitCode: Promise<number>;
  /** Sets the size of the terminal; does nothing without one. */
  resize(columns: number, rows: number): void;
  /** Ends the command (for attach: only leaves). */
  close(): Promise<void>;
}

/** Two byte streams. */
export interface DuplexStream {
  readonly readable: AsyncIterable<Uint8Array>;
  write(chunk: Uint8Array): Promise<void>;
  end(): void;
  close(): Promise<void>;
}

/** Who asks a registry. Never logged. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  /** A token to exchange for an access token. */
  readonly identityToken?: string;
  /** A bearer token to send as it is. */
  readonly registryToken?: string;
}

/** An image that is present. */
export interface ImageStatus {
  readonly id: string;
  /** What it was asked by; from a list, its first name, or its id when it has none. */
  readonly reference: string;
  /** Names with a tag, fully qualified where the engine tells them so. */
  readonly tags: readonly string[];
  /** Names with a digest. */
  readonly digests: readonly string[];
  readonly sizeBytes: number;
  /** The user its containers run as when the pod does not say: a number, or a name. Absent: root. */
  readonly user?: { readonly uid: number } | { readonly name: string };
  /** The runtime itself needs it (the sandbox's image): never to be collected. */
  readonly pinned: boolean;
}

/** Where a runtime keeps images and writable layers. */
export interface ImageFilesystem {
  /** A path on that file system, on this machine. */
  readonly path: string;
  /** Taken by images, bytes. */
  readonly usedBytes: number;
}

/** A hint. */
export interface RuntimeEvent {
  readonly type: 'containerStarted' | 'containerExited' | 'containerRemoved' | 'sandboxChanged' | 'resync';
  readonly pod?: PodIdentity;
  readonly containerId?: string;
}

/** Runtimes by `runtimeClassName`; the first is the default. */
export const Runtimes = namedSeat<Runtime>('Runtime');
