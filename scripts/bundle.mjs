// Joins each package's compiled files into few: Node loads a file in about half a millisecond, and there are hundreds.
// Reads dist/ (written by `tsc -b`), writes lib/. Types stay in dist/. Dependencies stay outside, but for the two that are the
// kernel's own business (inversify, tapable): users' decorated classes work with their own copy of inversify.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

const root = new URL('..', import.meta.url).pathname;
const INLINED = /^(@inversifyjs\/|inversify$|tapable$|reflect-metadata)/;
const packages = ['packages/core', 'packages/cli', ...readdirSync(join(root, 'packages/plugins')).map((name) => `packages/plugins/${name}`)];

/** Entry points: what `exports` names below lib/, and programs that a package starts itself (`orrery.programs`). */
function entriesOf(manifest) {
  const files = [...Object.values(manifest.exports ?? {}).map((target) => target.default), ...(manifest.orrery?.programs ?? [])];
  return Object.fromEntries(files.filter((file) => file?.startsWith('./lib/')).map((file) => [file.slice('./lib/'.length, -'.js'.length), file.replace('./lib/', './dist/')]));
}

async function bundle(folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const input = entriesOf(manifest);
  const missing = Object.values(input).filter((file) => !existsSync(join(root, folder, file)));
  if (missing.length > 0) {
    process.stderr.write(`${folder}: not compiled (${missing.join(', ')}); run tsc -b first\n`);
    process.exitCode = 1;
    return;
  }
  if (Object.keys(input).length === 0) return;
  rmSync(join(root, folder, 'lib'), { recursive: true, force: true });
  const build = await rolldown({
    cwd: join(root, folder),
    input,
    platform: 'node',
    external: (id) => /^[a-z@]/i.test(id) && !id.startsWith('file:') && !INLINED.test(id) && !existsSync(id),
    logLevel: 'warn',
    checks: { circularDependency: true },
  });
  await build.write({ dir: 'lib', format: 'esm', sourcemap: true, chunkFileNames: 'shared/[name]-[hash].js', comments: { legal: true } });
  await build.close();
}

await Promise.all(packages.filter((folder) => existsSync(join(root, folder, 'package.json'))).map(bundle));
