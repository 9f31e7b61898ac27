import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the vectors are: what `ORRERY_VECTORS` names, or `../shared/vectors` beside the repository. */
export function vectorsDirectory(environment: NodeJS.ProcessEnv): string {
  return environment['ORRERY_VECTORS'] ?? fileURLToPath(new URL('../../../../shared/vectors', import.meta.url));
}

/** Whether the directory is there. */
export const hasVectors = (dir: string): boolean => existsSync(dir);
