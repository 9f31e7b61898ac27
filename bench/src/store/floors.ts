import { credentials, makeGenericClientConstructor, type ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { DatabaseSync } from '@photostructure/sqlite';
import { Redis } from 'ioredis';

/** The engine without a store over it: what one compare-and-set of one value of a kilobyte costs at best. */
export interface Floor {
  /** Sets a key whose revision was this; answers the new one. */
  set(key: string, value: string, revision: number): Promise<number>;
  close(): Promise<void>;
}

/** A Lua script through ioredis: compares, sets and logs. */
export async function bareRedis(port: number): Promise<Floor> {
  const redis = new Redis(port, '127.0.0.1');
  redis.defineCommand('bareSet', {
    numberOfKeys: 3,
    lua: `
local found = redis.call('HGET', KEYS[1], ARGV[1])
if (found and tonumber(string.match(found, '^%d+')) or 0) ~= tonumber(ARGV[3]) then return -1 end
local revision = redis.call('INCR', KEYS[2])
redis.call('HSET', KEYS[1], ARGV[1], revision .. ' ' .. ARGV[2])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', 20000, revision .. '-0', 'key', ARGV[1], 'value', ARGV[2])
return revision`,
  });
  const bare = redis as unknown as { bareSet(...args: readonly (string | number)[]): Promise<number> };
  return { set: (key, value, revision) => bare.bareSet('{bare}:values', '{bare}:revision', '{bare}:log', key, value, revision), close: async () => redis.disconnect() };
}

/** A prepared transaction, synced to the disk: compares, sets and logs. */
export async function bareSqlite(path: string): Promise<Floor> {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE entry (key TEXT PRIMARY KEY, value TEXT, revision INTEGER) WITHOUT ROWID; CREATE TABLE log (revision INTEGER PRIMARY KEY, key TEXT, value TEXT)');
  const [begin, commit] = [database.prepare('BEGIN IMMEDIATE'), database.prepare('COMMIT')];
  const find = database.prepare('SELECT revision FROM entry WHERE key = ?');
  const put = database.prepare('INSERT INTO entry VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value, revision = excluded.revision');
  const log = database.prepare('INSERT INTO log VALUES (?, ?, ?)');
  let last = 0;
  return {
    set: async (key, value, revision) => {
      begin.run();
      const found = find.get(key) as { readonly revision: number } | undefined;
      if ((found?.revision ?? 0) !== revision) throw new Error('a conflict nobody made');
      last += 1;
      put.run(key, value, last);
      log.run(last, key, value);
      commit.run();
      return last;
    },
    close: async () => database.close(),
  };
}

const DESCRIPTOR = {
  nested: {
    etcdserverpb: {
      nested: {
        KV: { methods: { Put: { requestType: 'PutRequest', responseType: 'PutResponse' } } },
        PutRequest: { fields: { key: { type: 'bytes', id: 1 }, value: { type: 'bytes', id: 2 } } },
        PutResponse: { fields: { header: { type: 'Header', id: 1 } } },
        Header: { fields: { revision: { type: 'int64', id: 3 } } },
      },
    },
  },
};

/** A put through gRPC. It compares nothing: etcd's own measure. */
export async function bareEtcd(host: string): Promise<Floor> {
  const service = fromJSON(DESCRIPTOR as never, { longs: Number })['etcdserverpb.KV'] as unknown as ServiceDefinition;
  const client = new (makeGenericClientConstructor(service, 'KV'))(host, credentials.createInsecure());
  type Put = (request: object, done: (error: Error | null, answer: { readonly header: { readonly revision: number } }) => void) => void;
  const { Put } = client as unknown as { readonly Put: Put };
  const put = Put.bind(client);
  return {
    set: (key, value) => new Promise((resolve, reject) => put({ key: Buffer.from(key), value: Buffer.from(value) }, (error, answer) => (error === null ? resolve(answer.header.revision) : reject(error)))),
    close: async () => client.close(),
  };
}
