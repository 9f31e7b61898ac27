import { check } from '../suite.js';
import { claims, exited, never, type RuntimeCase, shell, startPod } from './context.js';

const confined = claims('realProcesses', 'exec', 'confinement');
/** A field of /proc/self/status as a number. */
const STATUS = (field: string): string => `sed -n 's/^${field}:[[:space:]]*//p' /proc/self/status`;
const CAP_NET_RAW = 1n << 13n;
const CAP_SYS_TIME = 1n << 25n;

/** What a program may do, and how much it may take. */
export const confinementCases: readonly RuntimeCase[] = [
  {
    name: 'a program runs as the user and the groups it was given',
    needs: confined,
    async run(context) {
      const { id } = await startPod(context, 'one', { kind: 'sleep' }, { security: { runAsUser: 1234, runAsGroup: 2345, supplementalGroups: [3456, 4567] } });
      const { out } = await shell(context, id, 'id -u; id -g; id -G');
      const [user, group, groups = ''] = out.split('\n');
      check.equal([user, group, groups.split(' ').map(Number).sort()], ['1234', '2345', [2345, 3456, 4567]], 'User and groups are those asked for.');
    },
  },
  {
    name: 'a read-only root cannot be written',
    needs: confined,
    async run(context) {
      const { id } = await startPod(context, 'one', { kind: 'sleep' }, { security: { readOnlyRootFilesystem: true } });
      check.that((await shell(context, id, 'echo x > /new-file')).code !== 0, 'The root file system refuses to be written.');
    },
  },
  {
    name: 'capabilities are those that were added and not dropped; privileges cannot be gained where that is forbidden',
    needs: confined,
    async run(context) {
      const capabilities = async (pod: string, security: object): Promise<bigint> => {
        const { id } = await startPod(context, pod, { kind: 'sleep' }, { security });
        return BigInt(`0x${(await shell(context, id, STATUS('CapEff'))).out}`);
      };
      const usual = await capabilities('one', {});
      check.that((usual & CAP_SYS_TIME) === 0n, 'A dangerous capability is not there by default.');
      check.equal((await capabilities('two', { dropCapabilities: ['ALL'] })).toString(), '0', 'All can be dropped.');
      check.equal((await capabilities('three', { dropCapabilities: ['ALL'], addCapabilities: ['NET_RAW'] })).toString(), CAP_NET_RAW.toString(), 'One can be kept.');
      const { id } = await startPod(context, 'four', { kind: 'sleep' }, { security: { allowPrivilegeEscalation: false } });
      check.equal((await shell(context, id, STATUS('NoNewPrivs'))).out, '1', 'no_new_privs is set.');
      check.equal((await shell(context, id, STATUS('Seccomp'))).out, '2', 'System calls are filtered by default.');
    },
  },
  {
    name: 'a program beyond its memory is killed and told as OOMKilled; its neighbour is not',
    needs: claims('realProcesses', 'limits'),
    async run(context) {
      const { runtime } = context;
      const { id: neighbour } = await startPod(context, 'good', { kind: 'sleep' });
      const script = 'x=0123456789abcdef; while :; do x="$x$x"; done';
      const { id } = await startPod(context, 'greedy', { kind: 'shell', script }, { resources: { memoryLimitBytes: 32 * 1024 * 1024 } });
      const status = await exited(runtime, id);
      check.equal([status.reason, status.exitCode], ['OOMKilled', 137], 'The reason says why.');
      check.equal((await runtime.containerStatus(neighbour, never)).state, 'running', 'Others are left alone.');
    },
  },
];
