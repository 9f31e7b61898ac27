import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Removes everything a part has left on the machine, now and when this process ends in whatever way. */
export interface Guardian {
  /** Cleans up now; resolves when all is gone. Throws when something could not be removed. */
  sweep(): Promise<void>;
}

/**
 * The guardian: a shell with the folder and the bridge as its arguments.
 * Waits until its standard input ends: that happens also when the process that started it is killed. Then it ends every process that names the folder
 * in its arguments, with its children (a container's first process is a child of its shim), and removes mounts, interface, network namespaces named after
 * it, control groups and folder.
 */
export const GUARDIAN_SCRIPT = `
dir=$1 bridge=$2
cat >/dev/null
ours() { printf '%s/' "$dir" | grep -laFs -f - /proc/[0-9]*/cmdline | sed 's|/proc/||; s|/cmdline||' | grep -vx "$$"; }
rounds=0
while pids=$(ours) && [ -n "$pids" ] && [ $rounds -lt 100 ]; do
  for pid in $pids; do
    kill -STOP "$pid" 2>/dev/null
    for child in $(cat "/proc/$pid/task/"*/children 2>/dev/null); do kill -KILL "$child" 2>/dev/null; done
    kill -KILL "$pid" 2>/dev/null
  done
  rounds=$((rounds + 1))
  sleep 0.05
done
for round in 1 2 3; do
  awk -v dir="$dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r mount; do umount -l "$mount"; done
done
[ -n "$bridge" ] && for space in /run/netns/"$bridge"-*; do [ -e "$space" ] && ip netns del "$(basename "$space")"; done
[ -n "$bridge" ] && [ -e "/sys/class/net/$bridge" ] && ip link del "$bridge"
for container in "$dir"/data/containers/*; do
  for group in /sys/fs/cgroup/*/docker/"$(basename "$container")" /sys/fs/cgroup/docker/"$(basename "$container")"; do
    [ -d "$group" ] && find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
  done
done
rm -rf --one-file-system "$dir"
[ ! -e "$dir" ]
`;

/** @param folder removed with what is in it, and every process that has a path below it among its arguments @param bridge an interface to remove */
export function startGuardian(folder: string, bridge = ''): Guardian {
  const child = spawn('/bin/sh', ['-c', GUARDIAN_SCRIPT, 'orrery-guardian', folder, bridge], { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (said = (said + chunk).slice(-4_096)));
  // It must not keep a finished program alive; its own end follows from that one's.
  child.unref();
  (child.stdin as unknown as { unref?(): void }).unref?.();
  (child.stderr as unknown as { unref?(): void }).unref?.();
  return {
    async sweep() {
      child.ref();
      child.stdin.end();
      const [code] = await ended;
      if (code !== 0) throw new Error(`${folder} could not be cleaned up: ${said.trim()}`);
    },
  };
}
