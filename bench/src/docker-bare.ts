import { engineApi } from '@orrery/engines';

/** A Docker engine without anything in between: the floor of what runs on it. */
export class BareEngine {
  constructor(
    readonly socketPath: string,
    readonly image: string,
  ) {}

  /** Makes and starts containers, so many at a time; resolves with their ids when all run. */
  async run(count: number, parallel: number, command: readonly string[]): Promise<readonly string[]> {
    const ids: string[] = [];
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count) {
        next += 1;
        const id = await this.create(command);
        await this.start(id);
        ids.push(id);
      }
    };
    await Promise.all(Array.from({ length: parallel }, lane));
    return ids;
  }

  async create(command: readonly string[]): Promise<string> {
    const body = { Image: this.image, Cmd: command, HostConfig: { NetworkMode: 'none' } };
    return (JSON.parse(await this.#ask('POST', '/containers/create', body)) as { Id: string }).Id;
  }

  async start(id: string): Promise<void> {
    await this.#ask('POST', `/containers/${id}/start`);
  }

  /** Kills it and waits until it has ended. */
  async kill(id: string): Promise<void> {
    await this.#ask('POST', `/containers/${id}/kill`);
    await this.#ask('POST', `/containers/${id}/wait`);
  }

  async remove(ids: readonly string[]): Promise<void> {
    for (const id of ids) await this.#ask('DELETE', `/containers/${id}?force=1&v=1`);
  }

  /** Waits until the engine has no container any more: what is being removed takes its time from what is measured next. */
  async empty(): Promise<void> {
    while ((JSON.parse(await this.#ask('GET', '/containers/json?all=1')) as readonly unknown[]).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** The process id of a running container's first process. */
  async pid(id: string): Promise<number> {
    return (JSON.parse(await this.#ask('GET', `/containers/${id}/json`)) as { State: { Pid: number } }).State.Pid;
  }

  /** Makes the engine a swarm of its own on loopback. */
  async swarm(): Promise<void> {
    await this.#ask('POST', '/swarm/init', { ListenAddr: '127.0.0.1:0', AdvertiseAddr: '127.0.0.1' });
  }

  /**
   * Makes a swarm service of so many replicas; resolves with its id. Swarm knows no network `none`, but on an engine without a bridge
   * that is what a service gets that names no network.
   */
  async service(name: string, replicas: number, command: readonly string[]): Promise<string> {
    const body = {
      Name: name,
      TaskTemplate: { ContainerSpec: { Image: this.image, Command: command }, RestartPolicy: { Condition: 'any', Delay: 0 } },
      Mode: { Replicated: { Replicas: replicas } },
    };
    return (JSON.parse(await this.#ask('POST', '/services/create', body)) as { ID: string }).ID;
  }

  /** The tasks of a service that run now: their containers' ids. */
  async running(service: string): Promise<readonly string[]> {
    const filters = encodeURIComponent(JSON.stringify({ service: [service], 'desired-state': ['running'] }));
    const tasks = JSON.parse(await this.#ask('GET', `/tasks?filters=${filters}`)) as readonly { Status: { State: string; ContainerStatus?: { ContainerID?: string } } }[];
    return tasks.flatMap(({ Status }) => (Status.State === 'running' ? [Status.ContainerStatus?.ContainerID ?? ''] : []));
  }

  /** Ends a swarm service; its containers go a little later. */
  async removeService(service: string): Promise<void> {
    await this.#ask('DELETE', `/services/${service}`);
  }

  /** Ends the swarm and its services. */
  async leaveSwarm(): Promise<void> {
    await this.#ask('POST', '/swarm/leave?force=1');
  }

  async #ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<string> {
    const { status, text } = await engineApi(this.socketPath, method, path, body === undefined ? {} : { body });
    if (status >= 300 && status !== 304) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 300)}`);
    return text;
  }
}
