import { describe, expect, it } from 'vitest';
import { parseInfo, unfit } from './connect.js';
import { classify, clean, ConnectionLost } from './failures.js';
import { redisOptions, targetOf } from './options.js';

describe('what an error means', () => {
  it.each([
    ['LOADING Redis is loading the dataset in memory', 'later'],
    ['BUSY Redis is busy running a script.', 'later'],
    ['CLUSTERDOWN Hash slot not served', 'later'],
    ["READONLY You can't write against a read only replica.", 'elsewhere'],
    ['MOVED 3999 127.0.0.1:6381', 'elsewhere'],
    ['UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)', 'elsewhere'],
    ["OOM command not allowed when used memory > 'maxmemory'.", 'refused'],
    ['MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.', 'refused'],
    ["NOPERM User orrery has no permissions to run the 'evalsha' command", 'refused'],
    ['ERR Error running script (call to f_abc): @user_script:1: Script killed by user with SCRIPT KILL...', 'later'],
    ['ERR something that nobody has heard of', 'unknown'],
    ['MYSTERY', 'unknown'],
  ])('%s', (message, kind) => {
    expect(classify(new Error(message)).kind).toBe(kind);
  });

  it('a connection that was lost leaves it open', () => {
    expect(classify(new ConnectionLost('gone'))).toEqual({ kind: 'unknown', reason: 'gone' });
  });

  it('what a server repeats of a command is not repeated', () => {
    expect(clean("ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'orrery' 's3cret'")).toBe("ERR unknown command 'HELLO'");
  });
});

describe('which server is fit', () => {
  const info = (changes: Readonly<Record<string, string>> = {}) =>
    parseInfo(Object.entries({ redis_version: '7.0.15', role: 'master', loading: '0', maxmemory_policy: 'noeviction', ...changes }).map(([key, value]) => `${key}:${value}`).join('\r\n'));
  it.each([
    [{}, undefined],
    [{ redis_version: '10.1.0' }, undefined],
    [{ role: 'slave' }, /replica/],
    [{ loading: '1' }, /loading/],
    [{ redis_version: '6.2.14' }, /too old/],
    [{ maxmemory_policy: 'volatile-lru' }, /noeviction/],
  ])('%o', (changes, problem) => {
    if (problem === undefined) expect(unfit(info(changes))).toBeUndefined();
    else expect(unfit(info(changes))).toMatch(problem);
  });
});

describe('options', () => {
  it.each([
    [{}],
    [{ url: 'http://example' }],
    [{ url: 'redis://a', cluster: ['b:1'] }],
    [{ sentinels: ['a:1'] }],
    [{ url: 'redis://a', name: 'x' }],
    [{ cluster: ['no port'] }],
    [{ url: 'redis://a', prefix: 'a{b}' }],
    [{ url: 'redis://a', unknown: 1 }],
  ])('%o is refused', (options) => {
    expect(redisOptions.safeParse(options).success).toBe(false);
  });

  it('say where Redis is and who to be there', () => {
    const target = (options: Parameters<typeof redisOptions.parse>[0]) => targetOf(redisOptions.parse(options));
    expect(target({ url: 'rediss://me:p%40ss@[::1]:7000/3' })).toEqual({ mode: 'single', addresses: [{ host: '::1', port: 7000 }], database: 3, username: 'me', password: 'p@ss', tls: {} });
    expect(target({ url: 'redis://host', username: 'u', password: 'p' })).toEqual({ mode: 'single', addresses: [{ host: 'host', port: 6379 }], database: 0, username: 'u', password: 'p' });
    expect(target({ sentinels: ['a:26379', '[::1]:26380'], name: 'm' })).toMatchObject({ mode: 'sentinel', name: 'm', addresses: [{ host: 'a', port: 26379 }, { host: '::1', port: 26380 }] });
    expect(() => target({ url: 'redis://host/database' })).toThrow(/database number/);
  });
});
