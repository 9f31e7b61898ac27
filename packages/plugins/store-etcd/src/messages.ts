/** etcd's messages as they are read and written here. Numbers are exact: revisions and our lease ids stay below 2^53. */

/** Comes with every answer. */
export interface Header {
  readonly clusterId: number;
  readonly memberId: number;
  readonly revision: number;
  readonly raftTerm: number;
}

export interface KeyValue {
  readonly key: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly value: Buffer;
  readonly lease: number;
}

export interface RangeRequest {
  readonly key: Buffer;
  readonly rangeEnd?: Buffer;
  readonly limit?: number;
  readonly revision?: number;
  readonly keysOnly?: boolean;
}

export interface RangeResponse {
  readonly header: Header;
  readonly kvs: readonly KeyValue[];
  readonly more: boolean;
  /** Of all keys in the range, whatever the limit. */
  readonly count: number;
}

export type RequestOp =
  | { readonly requestRange: RangeRequest }
  | { readonly requestPut: { readonly key: Buffer; readonly value: Buffer; readonly lease?: number } }
  | { readonly requestDeleteRange: { readonly key: Buffer } };

/** Equal by default (`result` 0). */
export interface Compare {
  readonly target: 'MOD';
  readonly key: Buffer;
  readonly modRevision: number;
}

export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly RequestOp[];
  readonly failure: readonly RequestOp[];
}

export interface TxnResponse {
  readonly header: Header;
  readonly succeeded: boolean;
  readonly responses: readonly { readonly responseRange?: Omit<RangeResponse, 'header'>; readonly responseDeleteRange?: { readonly deleted: number } }[];
}

export interface WatchCreateRequest {
  readonly key: Buffer;
  readonly rangeEnd: Buffer;
  readonly startRevision: number;
  readonly progressNotify?: boolean;
  readonly prevKv: boolean;
  readonly fragment: boolean;
}

export interface WireEvent {
  readonly type: 'PUT' | 'DELETE';
  readonly kv: KeyValue;
  readonly prevKv: KeyValue | null;
}

export interface WatchResponse {
  readonly header: Header;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: number;
  readonly cancelReason: string;
  /** More of the same revisions comes in the next response. */
  readonly fragment: boolean;
  readonly events: readonly WireEvent[];
}

/** The calls with one answer: path → [request, response]. */
export interface UnaryCalls {
  readonly 'KV/Range': readonly [RangeRequest, RangeResponse];
  readonly 'KV/Txn': readonly [TxnRequest, TxnResponse];
  readonly 'KV/Compact': readonly [{ readonly revision: number }, { readonly header: Header }];
  readonly 'Lease/LeaseGrant': readonly [{ readonly TTL: number; readonly ID: number }, { readonly header: Header; readonly TTL: number; readonly error: string }];
  readonly 'Lease/LeaseRevoke': readonly [{ readonly ID: number }, { readonly header: Header }];
  readonly 'Auth/Authenticate': readonly [{ readonly name: string; readonly password: string }, { readonly header: Header; readonly token: string }];
}

/** The calls that are streams both ways. */
export interface StreamCalls {
  readonly 'Watch/Watch': readonly [{ readonly createRequest: WatchCreateRequest }, WatchResponse];
  readonly 'Lease/LeaseKeepAlive': readonly [{ readonly ID: number }, { readonly header: Header; readonly TTL: number }];
}
