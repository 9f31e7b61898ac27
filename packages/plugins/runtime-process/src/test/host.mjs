// A host that is killed in the middle of its work. Starts what it is told to and says the container's id; then only waits.
import { createProcessRuntime } from '../../dist/index.js';

const { options, command } = JSON.parse(process.argv[2]);
const { signal } = new AbortController();
const runtime = createProcessRuntime(options);
const sandbox = await runtime.runSandbox(
  { pod: { namespace: 'test', name: 'pod', uid: 'uid' }, attempt: 0, hostname: 'pod', labels: {}, annotations: {}, hostNetwork: false, hostPorts: [] },
  signal,
);
const id = await runtime.createContainer(
  sandbox.id,
  { name: 'main', attempt: 0, image: 'test', command, args: [], env: [], mounts: [], resources: {}, stdin: false, tty: false, labels: {}, annotations: {}, security: {} },
  signal,
);
await runtime.startContainer(id, signal);
console.log(id);
