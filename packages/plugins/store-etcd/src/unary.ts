import type { Client, Metadata, MethodDefinition, StatusObject } from '@grpc/grpc-js';
import { STATUS } from './failure.js';

/** A call that has been started. */
export interface StartedCall {
  cancelWithStatus(code: number, details: string): void;
}

/**
 * One question, one answer, on a client's channel: what `Client.makeUnaryRequest` does, without interceptors and without keeping the caller's stack of every call
 * for the case that it fails, which is a fifth of what a call costs.
 */
export function startUnary(
  method: MethodDefinition<object, object>,
  client: Client,
  request: object,
  metadata: Metadata,
  done: (status: Pick<StatusObject, 'code' | 'details'>, response: object | undefined) => void,
): StartedCall {
  const call = client.getChannel().createCall(method.path, Number.POSITIVE_INFINITY, null, null, null);
  let response: object | undefined;
  let unreadable: string | undefined;
  call.start(metadata, {
    onReceiveMetadata() {},
    onReceiveMessage(message: Buffer) {
      try {
        response = method.responseDeserialize(message);
      } catch (error) {
        unreadable = `the answer cannot be read: ${String(error)}`;
      }
    },
    onReceiveStatus(status) {
      if (status.code !== STATUS.OK) done(status, undefined);
      else if (response === undefined) done({ code: STATUS.UNKNOWN, details: unreadable ?? 'there was no answer' }, undefined);
      else done(status, response);
    },
  });
  call.startRead();
  call.sendMessageWithContext({}, method.requestSerialize(request));
  call.halfClose();
  return call;
}
