import type { OutgoingHttpHeaders } from 'node:http';
import type { UserInfo } from '@orrery/core';

/** The headers by which one user asks in the name of another. Pure. */
export function impersonating({ name, uid, groups, extra = {} }: UserInfo): OutgoingHttpHeaders {
  const more = Object.entries(extra).map(([key, values]) => [`impersonate-extra-${encodeURIComponent(key.toLowerCase())}`, [...values]] as const);
  return { 'impersonate-user': name, ...(uid !== undefined && { 'impersonate-uid': uid }), ...(groups.length > 0 && { 'impersonate-group': [...groups] }), ...Object.fromEntries(more) };
}
