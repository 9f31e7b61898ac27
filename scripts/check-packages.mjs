// Checks each package as npm users would get it: exports that exist, types that resolve, files that are in.
import { readdirSync } from 'node:fs';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const root = new URL('..', import.meta.url).pathname;
const folders = ['packages/core', ...readdirSync(`${root}packages/plugins`).map((name) => `packages/plugins/${name}`)];
let problems = 0;
for (const folder of folders) {
  const { messages, pkg } = await publint({ pkgDir: `${root}${folder}`, level: 'warning', strict: true });
  for (const message of messages) {
    problems += 1;
    process.stdout.write(`${folder}: ${formatMessage(message, pkg)}\n`);
  }
}
process.stdout.write(`${folders.length} packages, ${problems} problems\n`);
process.exitCode = problems === 0 ? 0 : 1;
