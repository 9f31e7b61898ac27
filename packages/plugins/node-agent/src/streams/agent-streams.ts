import {
  ApiError, type AttachOptions, type DuplexStream, errorMessage, type ExecOptions, type ExecSession, type LogQuery, type NodeStreams, OrreryError, type Pod, type PodIdentity, type Runtime,
} from '@orrery/core';
import { isStatic } from '../pod/critical.js';
import { allContainers, type PodView } from '../pod/view.js';
import { chooseLog, chooseRunning, failed } from './choose-container.js';
import { logText } from './log-text.js';

/** What the streams of a node's pods need. */
export interface AgentStreamsOptions {
  readonly node: string;
  readonly runtime: Runtime;
  /** The pods that the agent looks after, as it knows them. */
  pods(): Iterable<Pod>;
}

/** The streams of the pods of one agent, out of its runtime. */
export class AgentStreams implements NodeStreams {
  constructor(private readonly options: AgentStreamsOptions) {}

  get node(): string {
    return this.options.node;
  }

  async logs(identity: PodIdentity, container: string, query: LogQuery, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const { runtime } = this.options;
    const { follow, previous = false, sinceTime, tailLines } = query;
    const id = chooseLog(this.#pod(identity), container, previous);
    // What is gone is said before anything is written.
    await runtime.containerStatus(id, signal).catch((error: unknown) => {
      throw OrreryError.is(error, 'NOT_FOUND') ? ApiError.badRequest(`unable to retrieve container logs for ${runtime.name}://${id}`) : error;
    });
    const options = { ...(follow !== undefined && { follow }), ...(sinceTime !== undefined && { sinceTime }), ...(tailLines !== undefined && { tailLines }) };
    return logText(runtime.logs(id, options, signal), query);
  }

  async exec(identity: PodIdentity, container: string, options: ExecOptions, signal: AbortSignal): Promise<ExecSession> {
    const { runtime } = this.options;
    const { id } = chooseRunning(await this.#view(this.#pod(identity), signal), container);
    return upgraded(runtime.exec(id, options, signal));
  }

  async attach(identity: PodIdentity, container: string, options: AttachOptions, signal: AbortSignal): Promise<ExecSession> {
    const { runtime } = this.options;
    const pod = this.#pod(identity);
    const { id } = chooseRunning(await this.#view(pod, signal), container);
    const { stdin = false, stdinOnce = false, tty = false } = allContainers(pod).find(({ name }) => name === container) ?? {};
    const session = await upgraded(runtime.attach(id, { stdin: options.stdin && stdin, tty: tty && runtime.capabilities.tty }, signal));
    if (!options.stdin || !stdin) return withStdin(session, NOWHERE);
    return stdinOnce ? session : withStdin(session, { write: (chunk) => session.stdin.write(chunk), end: () => {} });
  }

  async portForward(identity: PodIdentity, port: number, signal: AbortSignal): Promise<DuplexStream> {
    const { runtime } = this.options;
    const pod = this.#pod(identity);
    const { sandboxes } = await this.#view(pod, signal);
    const sandbox = sandboxes.filter(({ state }) => state === 'ready').reduce<(typeof sandboxes)[number] | undefined>((newest, one) => (newest === undefined || one.attempt > newest.attempt ? one : newest), undefined);
    const refusal = (why: string, cause?: unknown): ApiError =>
      new ApiError('InternalError', `error forwarding port ${port} to pod ${sandbox?.id ?? identity.name}, uid : ${why}`, {}, cause);
    if (sandbox === undefined) throw refusal('the pod is not running');
    return runtime.portForward(sandbox.id, port, signal).catch((error: unknown) => {
      throw OrreryError.is(error, 'ABORTED') ? error : refusal(errorMessage(error), error);
    });
  }

  /** Of a static pod the API shows a mirror, which has a uid of its own. Throws NotFound. */
  #pod({ namespace, name, uid }: PodIdentity): Pod {
    for (const pod of this.options.pods()) {
      const { metadata } = pod;
      if (metadata.uid === uid || (metadata.name === name && metadata.namespace === namespace && (uid === '' || isStatic(pod)))) return pod;
    }
    throw ApiError.notFound({ group: '', plural: 'pods' }, name);
  }

  async #view({ metadata: { uid = '' } }: Pod, signal: AbortSignal): Promise<PodView> {
    const { runtime } = this.options;
    const sandboxes = await runtime.listSandboxes(signal, uid);
    const containers = (await Promise.all(sandboxes.map(({ id }) => runtime.listContainers(signal, id)))).flat();
    return { sandboxes, containers };
  }
}

/** Bytes for a container that reads none are dropped, as by the kubelet. */
const NOWHERE: ExecSession['stdin'] = { write: async () => {}, end: () => {} };

const withStdin = (session: ExecSession, stdin: ExecSession['stdin']): ExecSession => ({
  stdin,
  stdout: session.stdout,
  stderr: session.stderr,
  exitCode: session.exitCode,
  resize: (columns, rows) => session.resize(columns, rows),
  close: () => session.close(),
});

/** A session, or why there is none, as Kubernetes words it. */
async function upgraded(session: Promise<ExecSession>): Promise<ExecSession> {
  try {
    return await session;
  } catch (error) {
    throw ApiError.is(error) || OrreryError.is(error, 'ABORTED') ? error : failed(`error executing command in container: ${errorMessage(error)}`, error);
  }
}
