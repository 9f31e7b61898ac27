import { parseArgs } from 'node:util';
import { hasVectors, vectorsDirectory } from './directory.js';
import { describe, metricsOf } from './report.js';
import { runFile, vectorFiles } from './run.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dir: { type: 'string' },
    family: { type: 'string', multiple: true },
    failures: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});

// `--family a b` as well as `--family a --family b`.
const wanted = new Set([...(values.family ?? []), ...positionals]);
const dir = values.dir ?? vectorsDirectory(process.env);

if (!hasVectors(dir)) {
  process.stderr.write(`There are no vectors at ${dir}; name their folder with --dir or ORRERY_VECTORS.\n`);
  process.exitCode = 2;
} else {
  const results = vectorFiles(dir)
    .map((file) => ({ file, matches: wanted.size === 0 || wanted.has(file) || wanted.has(file.replace(/-[^-]*$/, '')) }))
    .filter(({ matches }) => matches)
    .map(({ file }) => runFile(dir, file));
  for (const result of results) process.stdout.write(`${describe(result, Number(values.failures))}\n`);
  if (values.json) process.stdout.write(`${JSON.stringify({ bench: 'vectors', metrics: metricsOf(results) })}\n`);
  if (results.some(({ failures }) => failures.length > 0)) process.exitCode = 1;
}
