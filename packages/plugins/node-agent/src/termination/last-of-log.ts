import { OrreryError, type Runtime } from '@orrery/core';

/** What is told of a log: lines and bytes (kubelet MaxContainerTerminationMessageLogLines, MaxContainerTerminationMessageLogLength). */
const MOST_LINES = 80;
const LONGEST = 2048;

/** The end of a container's log: at most 80 lines, and of them the last 2048 bytes. '' when the log is gone. */
export async function lastOfLog(runtime: Pick<Runtime, 'logs'>, containerId: string, signal: AbortSignal): Promise<string> {
  let text = '';
  try {
    for await (const { line, partial } of runtime.logs(containerId, { tailLines: MOST_LINES }, signal)) {
      text += partial ? line : `${line}\n`;
      // Lines may be long; what came before the end does not count.
      if (text.length > 4 * LONGEST) text = text.slice(-2 * LONGEST);
    }
  } catch (error) {
    if (!OrreryError.is(error, 'NOT_FOUND')) throw error;
  }
  const bytes = Buffer.from(text);
  let start = Math.max(0, bytes.length - LONGEST);
  while (start > 0 && start < bytes.length && ((bytes[start] as number) & 0xc0) === 0x80) start += 1;
  return bytes.subarray(start).toString('utf8');
}
