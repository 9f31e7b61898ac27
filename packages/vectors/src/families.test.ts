import { describe, expect, it } from 'vitest';
import { hasVectors, vectorsDirectory } from './directory.js';
import { families } from './families.js';
import { runFile, vectorFiles } from './run.js';

const dir = vectorsDirectory(process.env);
const present = hasVectors(dir);

if (!present && process.env['ORRERY_REQUIRE'] === 'all') throw new Error(`There are no vectors at ${dir}.`);

describe.skipIf(!present)(`vectors${present ? '' : ` (skipped: none at ${dir})`}`, () => {
  const files = present ? vectorFiles(dir).filter((file) => families.some((family) => family.files.includes(file))) : [];
  it.each(files)('%s', (file) => {
    expect(runFile(dir, file).failures.slice(0, 3)).toEqual([]);
  });
});
