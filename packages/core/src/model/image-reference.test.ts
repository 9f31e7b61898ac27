import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseImageReference } from './image-reference.js';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

// From the tests of distribution/reference: normalize_test.go and reference_test.go.
const good: readonly [string, string][] = [
  ['busybox', 'docker.io/library/busybox:latest'],
  ['docker/docker', 'docker.io/docker/docker:latest'],
  ['docker.io/busybox', 'docker.io/library/busybox:latest'],
  ['index.docker.io/busybox:1', 'docker.io/library/busybox:1'],
  ['index.docker.io/library/busybox', 'docker.io/library/busybox:latest'],
  ['library/debian', 'docker.io/library/debian:latest'],
  ['localhost/library/debian', 'localhost/library/debian:latest'],
  ['localhost/debian', 'localhost/debian:latest'],
  ['LOCALDOMAIN/library/debian', 'LOCALDOMAIN/library/debian:latest'],
  ['127.0.0.1:5000/docker/docker:1.2', '127.0.0.1:5000/docker/docker:1.2'],
  ['192.168.0.1/debian', '192.168.0.1/debian:latest'],
  ['thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev', 'docker.io/library/thisisthesongthatneverendsitgoesonandonandonthisisthesongthatnev:latest'],
  ['xn--n3h.com/myimage:tag', 'xn--n3h.com/myimage:tag'],
  ['[2001:db8::1]:5000/repo:tag', '[2001:db8::1]:5000/repo:tag'],
  ['foo/foo_bar.com:8080', 'docker.io/foo/foo_bar.com:8080'],
  ['foo__bar/a---b', 'docker.io/foo__bar/a---b:latest'],
  [`test:5000/repo@${digest}`, `test:5000/repo@${digest}`],
  [`test:5000/repo:tag@${digest}`, `test:5000/repo:tag@${digest}`],
  ['a/b:Uppercase_Tag-1.0', 'docker.io/a/b:Uppercase_Tag-1.0'],
];

const bad = [
  '', ':justtag', `@${digest}`, 'repo@sha256:ffffffffffffffffffffffffffffffffff', `validname@invalidDigest:${'f'.repeat(128)}`, 'Uppercase:tag', 'docker///docker', 'https://github.com/docker/docker',
  'docker/Docker', '-docker', '-docker/docker', '-docker.io/docker/docker', 'docker.io/docker/Docker', 'a//b', 'a/', '/a', 'a_/b', 'a___b', 'aa/asdf$$^/aa', 'xn--n3h.com/-x', 'nginx:', 'nginx: 1', ' nginx', 'nginx\n', 'a:b:c',
  '1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a', `${'a/'.repeat(128)}a`, `a:${'x'.repeat(129)}`, `a@sha256:${'A'.repeat(64)}`, '[fe80::1%eth0]/a', '[::1/a', 'x'.repeat(5_000), `a@constructor:${'0'.repeat(64)}`, '..', 'a/../b',
];

describe('parseImageReference', () => {
  it.each(good)('%s', (text, canonical) => {
    expect(parseImageReference(text)?.canonical).toBe(canonical);
  });

  it.each(bad)('refuses %j', (text) => {
    expect(parseImageReference(text)).toBeUndefined();
  });

  it('gives the same again for what it has completed', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?$/);
    const text = fc.tuple(fc.constantFrom('', 'docker.io/', 'localhost:5000/', 'r.example/'), fc.array(part, { minLength: 1, maxLength: 4 }), fc.constantFrom('', ':1', ':latest'), fc.constantFrom('', `@${digest}`));
    fc.assert(
      fc.property(text, ([domain, path, tag, hash]) => {
        const parsed = parseImageReference(`${domain}${path.join('/')}${tag}${hash}`);
        expect(parsed).toBeDefined();
        expect(parseImageReference(parsed?.canonical ?? '')).toEqual(parsed);
        expect(parsed?.canonical.startsWith(`${parsed.domain}/${parsed.path}`)).toBe(true);
      }),
    );
  });

  it('answers quickly whatever it is given', () => {
    fc.assert(fc.property(fc.string({ maxLength: 3_000 }), (text) => void parseImageReference(text)));
    expect(parseImageReference(`${'a-'.repeat(500)}!`)).toBeUndefined();
  });
});
