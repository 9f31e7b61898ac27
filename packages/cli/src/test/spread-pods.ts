import { readdirSync, readFileSync } from 'node:fs';
import { type Client, Node, Pod } from '@orrery/core';

/** The variable by which a process is told to be of a pod: the pod's uid. */
export const POD_UID = 'ORRERY_TEST_POD_UID';

/** Four pods that spread over nodes by their label `slot`, and leave one that is lost at once. */
export const spreadDeployment = (container: Readonly<Record<string, unknown>> & { readonly env?: readonly object[] }): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 4,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        tolerations: ['unreachable', 'not-ready'].map((key) => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 0 })),
        topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'slot', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: { matchLabels: { app: 'web' } } }],
        containers: [{ name: 'main', image: 'none', ...container, env: [{ name: POD_UID, valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } }, ...(container.env ?? [])] }],
      },
    },
  },
});

/** The uids of the pods whose main processes run on this machine, one for each process. `isMain` is asked about a command line, whose words end with NUL. */
export function uidsRunning(isMain: (commandLine: string) => boolean): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const [, uid] = new RegExp(`(?:^|\\0)${POD_UID}=([^\\0]+)`).exec(readFileSync(`/proc/${pid}/environ`, 'utf8')) ?? [];
      return uid !== undefined && isMain(readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ? [uid] : [];
    } catch {
      // It has ended meanwhile, or is another user's.
      return [];
    }
  });
}

/** The uids of pods, in order. */
export const uidsOf = (pods: readonly Pod[]): string[] => pods.map(({ metadata }) => metadata.uid ?? '').sort();

/** The pods of {@link spreadDeployment} and their nodes, as the API has them. */
export class SpreadPods {
  constructor(private readonly client: Client) {}

  /** Also those that are to end. */
  async all(): Promise<readonly Pod[]> {
    return (await this.client.kind(Pod).list({ namespace: 'default', labelSelector: 'app=web' })).items;
  }

  async live(): Promise<readonly Pod[]> {
    return (await this.all()).filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  /** Those that run; only of these nodes, where some are named. */
  async running(...nodes: readonly string[]): Promise<readonly Pod[]> {
    return (await this.live()).filter(({ spec, status }) => status?.phase === 'Running' && (nodes.length === 0 || nodes.includes(spec.nodeName ?? '')));
  }

  /** What is said of a node's being ready. */
  async readiness(node: string): Promise<string | undefined> {
    return (await this.client.kind(Node).get({ name: node })).status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  }
}
