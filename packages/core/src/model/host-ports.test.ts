import { describe, expect, it } from 'vitest';
import { hostPortConflicts, hostPorts } from './host-ports.js';
import type { Pod } from './kinds/pod.js';

const podOf = (spec: object): Pick<Pod, 'spec'> => ({ spec: spec as Pod['spec'] });

describe('host ports', () => {
  it.each([
    ['TCP/0.0.0.0/80', ['TCP/10.0.0.1/80'], true],
    ['TCP/10.0.0.1/80', ['TCP/0.0.0.0/80'], true],
    ['TCP/10.0.0.1/80', ['TCP/10.0.0.2/80'], false],
    ['UDP/0.0.0.0/80', ['TCP/0.0.0.0/80'], false],
    ['TCP/0.0.0.0/80', ['TCP/0.0.0.0/8080'], false],
  ])('%s beside %j: conflict %s', (wanted, used, expected) => expect(hostPortConflicts(wanted, new Set(used))).toBe(expected));

  it('are those of containers and sidecars', () => {
    const ports = [{ containerPort: 1, hostPort: 1, protocol: 'UDP' }, { containerPort: 2 }];
    expect(hostPorts(podOf({ containers: [{ name: 'a', ports }], initContainers: [{ name: 'b', ports: [{ containerPort: 3, hostPort: 3 }], restartPolicy: 'Always' }, { name: 'c', ports }] }))).toEqual(['UDP/0.0.0.0/1', 'TCP/0.0.0.0/3']);
  });
});
