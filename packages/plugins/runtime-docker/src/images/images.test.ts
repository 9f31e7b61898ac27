import { OrreryError } from '@orrery/core';
import { VirtualClock } from '@orrery/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { followProgress } from './progress.js';
import { authHeader, engineImageName, imageName, imageStatusOf, withoutSecrets } from './status.js';

async function* bytes(...chunks: readonly (string | Error)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Error) throw chunk;
    yield Buffer.from(chunk);
  }
}
const options = (clock = new VirtualClock(), abandon = (): void => undefined) => ({ clock, idleMs: 10_000, abandon });

describe('followProgress', () => {
  it('resolves with the last status, however the stream is cut into pieces', async () => {
    const whole = '{"status":"Pulling"}\r\n{"status":"fs","progressDetail":{"current":1}}\n\n{"status":"Füllt"}\n{"aux":{}}';
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: whole.length }), { maxLength: 6 }), async (cuts) => {
        const all = Buffer.from(whole);
        const at = [0, ...cuts.sort((a, b) => a - b), all.length];
        async function* pieces(): AsyncGenerator<Uint8Array> {
          for (let index = 1; index < at.length; index += 1) yield all.subarray(at[index - 1], at[index]);
        }
        expect(await followProgress(pieces(), options())).toBe('Füllt');
      }),
    );
  });

  it.each([
    ['an error in the stream', ['{"status":"Pulling"}\n', '{"errorDetail":{"message":"toomanyrequests: slow down"},"error":"short"}\n'], /toomanyrequests: slow down/],
    ['an error without detail', ['{"error":"unauthorized"}\n'], /unauthorized/],
    ['an error without words', ['{"error":null,"errorDetail":{"code":5}}'], /does not say why/],
    ['an error in a last line without an end', ['{"status":"a"}\n{"error":"late"}'], /late/],
    ['something else than JSON', ['<html>'], /not JSON/],
    ['a line without an end', ['x'.repeat(1_100_000)], /line without an end/],
  ])('throws for %s', async (_what, chunks, words) => {
    const failed = followProgress(bytes(...chunks), options());
    await expect(failed).rejects.toThrow(words);
    await expect(failed).rejects.toSatisfy((error) => OrreryError.is(error, 'IMAGE_UNAVAILABLE'));
  });

  it('passes on what ends the stream', async () => {
    await expect(followProgress(bytes('{"status":"a"}\n', new Error('aborted')), options())).rejects.toThrow('aborted');
  });

  it('gives up a stream that makes no progress, and not one that does', async () => {
    const clock = new VirtualClock();
    let end = (): void => undefined;
    const hanging = new Promise<void>((resolve) => (end = resolve));
    async function* slow(): AsyncGenerator<Uint8Array> {
      for (let line = 0; line < 3; line += 1) {
        await clock.sleep(9_000, new AbortController().signal);
        yield Buffer.from('{"status":"Downloading"}\n');
      }
      await hanging;
    }
    let failure: unknown;
    void followProgress(slow(), options(clock, end)).catch((error: unknown) => (failure = error));
    await clock.until(() => failure !== undefined, 60_000, 'the end');
    expect(OrreryError.is(failure, 'IMAGE_UNAVAILABLE') && failure.message).toMatch(/no progress for 10 seconds/);
    expect(clock.monotonic()).toBe(37_000);
  });
});

describe('names', () => {
  const hex = 'ab'.repeat(32);
  it('asks for ids as ids, for digests whatever the tag, and else by the whole name', () => {
    expect(engineImageName(imageName(hex))).toBe(`sha256:${hex}`);
    expect(engineImageName(imageName(`sha256:${hex}`))).toBe(`sha256:${hex}`);
    expect(engineImageName(imageName(`a/b:1@sha256:${hex}`))).toBe(`docker.io/a/b@sha256:${hex}`);
    // The engine would take this for the start of an id.
    expect(engineImageName(imageName('deadbeef'))).toBe('docker.io/library/deadbeef:latest');
    expect(() => imageName('A/../b')).toThrow(/INVALID/);
  });

  it('tells the user and the names of an image', () => {
    const info = { Id: 'sha256:1', RepoTags: ['a:1', '<none>:<none>'], RepoDigests: null, Size: 5 };
    const user = (User: string) => imageStatusOf({ ...info, Config: { User } }, false, 'x').user;
    expect(imageStatusOf(info, true)).toEqual({ id: 'sha256:1', reference: 'a:1', tags: ['a:1'], digests: [], sizeBytes: 5, pinned: true });
    expect([user(''), user('0'), user('1000:5'), user('app:app'), user('99999999999')]).toEqual([undefined, { uid: 0 }, { uid: 1000 }, { name: 'app' }, { name: '99999999999' }]);
  });
});

describe('credentials', () => {
  it('go into the header as the engine reads it', () => {
    const header = authHeader({ username: 'a', password: 'ü?>~', identityToken: 'i' }, 'r.example');
    expect(header).toMatch(/^[\w-]+={0,2}$/);
    expect(header.length % 4).toBe(0);
    expect(JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))).toEqual({ username: 'a', password: 'ü?>~', identitytoken: 'i', serveraddress: 'r.example' });
  });

  it('are taken out of what a registry says', () => {
    const auth = { username: 'anna', password: 'hunter22', registryToken: 'tok.en' };
    const basic = Buffer.from('anna:hunter22').toString('base64');
    expect(withoutSecrets(`denied for hunter22 with ${basic} and tok.en`, auth)).toBe('denied for … with … and …');
    expect(withoutSecrets('a b c', { password: 'a' })).toBe('a b c');
  });
});
