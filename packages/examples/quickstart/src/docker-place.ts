import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DockerEngine, engineApi, imageOf, startDockerd } from '@orrery/engines';
import { dockerRuntime } from '@orrery/runtime-docker';
import type { Place } from './place.js';

const IMAGE = 'orrery.example/hello:1';
const USUAL_SOCKET = '/var/run/docker.sock';

/**
 * Containers on the machine's Docker engine, or where none runs, on one of the tour's own (as root). The image is made of this machine's Node and the
 * example's server, so that no registry is needed. `id` names whose containers they are.
 */
export async function docker(folder: string, id: string): Promise<Place> {
  const own = (await answers(USUAL_SOCKET)) ? undefined : await startDockerd({ bridge: true });
  const socketPath = own?.socketPath ?? USUAL_SOCKET;
  try {
    const contents = { programs: { '/bin/node': process.execPath }, files: { '/app/server.mjs': readFileSync(join(folder, 'server.mjs'), 'utf8') }, changes: ['WORKDIR /app', 'ENV PATH=/bin'] };
    await imageOf(socketPath, IMAGE, contents);
  } catch (error) {
    await own?.stop();
    throw error;
  }
  return {
    title: own === undefined ? 'Docker runtime' : 'Docker runtime on an engine of its own',
    runtime: dockerRuntime({ id, socketPath, onStop: 'destroy' }),
    async kill({ status }) {
      const container = (status?.containerStatuses?.[0]?.containerID ?? '').replace(/^.*:\/\//, '');
      const { text } = await engineApi(socketPath, 'GET', `/containers/${container}/json`);
      process.kill((JSON.parse(text) as { State: { Pid: number } }).State.Pid, 'SIGKILL');
    },
    async leftovers() {
      const filters = encodeURIComponent(JSON.stringify({ label: [`orrery.dev/owner=${id}`] }));
      const { text } = await engineApi(socketPath, 'GET', `/containers/json?all=1&filters=${filters}`);
      return (JSON.parse(text) as { Id: string; Names: string[] }[]).map(({ Id, Names }) => `container ${Names[0] ?? Id}`);
    },
    close: () => takeBack(socketPath, own),
  };
}

async function takeBack(socketPath: string, own: DockerEngine | undefined): Promise<void> {
  if (own !== undefined) return own.stop();
  await engineApi(socketPath, 'DELETE', `/images/${IMAGE}`);
}

/** Whether an engine listens there. */
async function answers(socketPath: string): Promise<boolean> {
  try {
    return (await engineApi(socketPath, 'GET', '/_ping')).status === 200;
  } catch {
    // Nobody there: the tour starts its own.
    return false;
  }
}
