/**
 * What is used of etcd's API (etcdserverpb, mvccpb; the same from 3.4 to 3.6), as protobufjs reads it, so that no file has to be found on disk.
 * Field numbers: https://github.com/etcd-io/etcd/tree/main/api
 */
type Field = readonly [type: string, id: number, rule?: 'repeated'];

const message = (fields: Readonly<Record<string, Field>>, oneofs: Readonly<Record<string, readonly string[]>> = {}) => ({
  fields: Object.fromEntries(Object.entries(fields).map(([name, [type, id, rule]]) => [name, { type, id, ...(rule && { rule }) }])),
  ...(Object.keys(oneofs).length > 0 && { oneofs: Object.fromEntries(Object.entries(oneofs).map(([name, oneof]) => [name, { oneof: [...oneof] }])) }),
});

const rpc = (requestType: string, responseType: string, stream = false) => ({ requestType, responseType, ...(stream && { requestStream: true, responseStream: true }) });

const mvccpb = {
  KeyValue: message({ key: ['bytes', 1], createRevision: ['int64', 2], modRevision: ['int64', 3], version: ['int64', 4], value: ['bytes', 5], lease: ['int64', 6] }),
  EventType: { values: { PUT: 0, DELETE: 1 } },
  Event: message({ type: ['EventType', 1], kv: ['KeyValue', 2], prevKv: ['KeyValue', 3] }),
};

const header: Field = ['ResponseHeader', 1];

const etcdserverpb = {
  ResponseHeader: message({ clusterId: ['uint64', 1], memberId: ['uint64', 2], revision: ['int64', 3], raftTerm: ['uint64', 4] }),
  RangeRequest: message({ key: ['bytes', 1], rangeEnd: ['bytes', 2], limit: ['int64', 3], revision: ['int64', 4], keysOnly: ['bool', 8] }),
  RangeResponse: message({ header, kvs: ['mvccpb.KeyValue', 2, 'repeated'], more: ['bool', 3], count: ['int64', 4] }),
  PutRequest: message({ key: ['bytes', 1], value: ['bytes', 2], lease: ['int64', 3] }),
  PutResponse: message({ header }),
  DeleteRangeRequest: message({ key: ['bytes', 1] }),
  DeleteRangeResponse: message({ header, deleted: ['int64', 2] }),
  RequestOp: message(
    { requestRange: ['RangeRequest', 1], requestPut: ['PutRequest', 2], requestDeleteRange: ['DeleteRangeRequest', 3] },
    { request: ['requestRange', 'requestPut', 'requestDeleteRange'] },
  ),
  ResponseOp: message(
    { responseRange: ['RangeResponse', 1], responsePut: ['PutResponse', 2], responseDeleteRange: ['DeleteRangeResponse', 3] },
    { response: ['responseRange', 'responsePut', 'responseDeleteRange'] },
  ),
  CompareTarget: { values: { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 } },
  Compare: message({ result: ['int32', 1], target: ['CompareTarget', 2], key: ['bytes', 3], modRevision: ['int64', 6] }, { targetUnion: ['modRevision'] }),
  TxnRequest: message({ compare: ['Compare', 1, 'repeated'], success: ['RequestOp', 2, 'repeated'], failure: ['RequestOp', 3, 'repeated'] }),
  TxnResponse: message({ header, succeeded: ['bool', 2], responses: ['ResponseOp', 3, 'repeated'] }),
  CompactionRequest: message({ revision: ['int64', 1] }),
  CompactionResponse: message({ header }),
  WatchRequest: message({ createRequest: ['WatchCreateRequest', 1] }, { requestUnion: ['createRequest'] }),
  WatchCreateRequest: message({
    key: ['bytes', 1],
    rangeEnd: ['bytes', 2],
    startRevision: ['int64', 3],
    progressNotify: ['bool', 4],
    prevKv: ['bool', 6],
    fragment: ['bool', 8],
  }),
  WatchResponse: message({
    header,
    created: ['bool', 3],
    canceled: ['bool', 4],
    compactRevision: ['int64', 5],
    cancelReason: ['string', 6],
    fragment: ['bool', 7],
    events: ['mvccpb.Event', 11, 'repeated'],
  }),
  LeaseGrantRequest: message({ TTL: ['int64', 1], ID: ['int64', 2] }),
  LeaseGrantResponse: message({ header, ID: ['int64', 2], TTL: ['int64', 3], error: ['string', 4] }),
  LeaseRevokeRequest: message({ ID: ['int64', 1] }),
  LeaseRevokeResponse: message({ header }),
  LeaseKeepAliveRequest: message({ ID: ['int64', 1] }),
  LeaseKeepAliveResponse: message({ header, ID: ['int64', 2], TTL: ['int64', 3] }),
  AuthenticateRequest: message({ name: ['string', 1], password: ['string', 2] }),
  AuthenticateResponse: message({ header, token: ['string', 2] }),
  KV: { methods: { Range: rpc('RangeRequest', 'RangeResponse'), Txn: rpc('TxnRequest', 'TxnResponse'), Compact: rpc('CompactionRequest', 'CompactionResponse') } },
  Watch: { methods: { Watch: rpc('WatchRequest', 'WatchResponse', true) } },
  Lease: {
    methods: {
      LeaseGrant: rpc('LeaseGrantRequest', 'LeaseGrantResponse'),
      LeaseRevoke: rpc('LeaseRevokeRequest', 'LeaseRevokeResponse'),
      LeaseKeepAlive: rpc('LeaseKeepAliveRequest', 'LeaseKeepAliveResponse', true),
    },
  },
  Auth: { methods: { Authenticate: rpc('AuthenticateRequest', 'AuthenticateResponse') } },
};

/** The namespaces, for proto-loader's `fromJSON`. */
export const DESCRIPTOR = { nested: { mvccpb: { nested: mvccpb }, etcdserverpb: { nested: etcdserverpb } } };
