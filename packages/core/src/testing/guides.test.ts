import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../../../', import.meta.url);
const text = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

/** Guides whose code is taken from files of the repository. A block comes from the file that was last named by "From `path`:". */
const GUIDES = ['docs/guides/testing-a-store.md', 'docs/guides/own-controllers.md', 'docs/guides/real-kubernetes.md', 'docs/guides/own-admission.md'];

describe.each(GUIDES)('%s', (guide) => {
  const blocks = [...text(guide).matchAll(/From `([^`]+)`:|```ts\n([\s\S]*?)```/g)].reduce<{ file: string; found: { file: string; code: string }[] }>(
    ({ file, found }, [, named, code]) => (named === undefined ? { file, found: [...found, { file, code: code ?? '' }] } : { file: named, found }),
    { file: '', found: [] },
  ).found;

  it('shows code that is in use', () => {
    expect(blocks.length).toBeGreaterThan(0);
    for (const { file, code } of blocks) {
      expect(existsSync(new URL(file, ROOT)), `${file} is there`).toBe(true);
      expect(text(file), `the code shown of ${file}`).toContain(code.trimEnd());
    }
  });

  it('links to files that are there', () => {
    const links = [...text(guide).matchAll(/\]\(([^)#]+)\)/g)].map(([, target]) => target ?? '');
    expect(links.filter((target) => !/^https?:/.test(target) && !existsSync(new URL(target, new URL(guide, ROOT))))).toEqual([]);
  });
});
