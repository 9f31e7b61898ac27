import { type Attributes, microTimeOfMillis, type UserInfo } from '@orrery/core';
import type { AuditLevel } from './policy.js';

/** When something is written down: once it is known who asks for something that goes on (a watch, a command), and when everything is over. */
export type AuditStage = 'RequestReceived' | 'ResponseComplete';

/** One line of the log (audit.k8s.io/v1 Event). */
export interface AuditEvent {
  readonly kind: 'Event';
  readonly apiVersion: 'audit.k8s.io/v1';
  readonly level: AuditLevel;
  /** As the answer's header `Audit-Id` has it. */
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI: string;
  readonly verb: string;
  readonly user: { readonly username?: string; readonly uid?: string; readonly groups?: readonly string[]; readonly extra?: UserInfo['extra'] };
  readonly impersonatedUser?: AuditEvent['user'];
  readonly sourceIPs: readonly string[];
  readonly userAgent?: string;
  readonly objectRef?: Readonly<Record<string, string>>;
  readonly responseStatus?: { readonly metadata: Record<string, never>; readonly code: number; readonly reason?: string; readonly message?: string };
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
  /** What admission had to say. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What is known of a request when it is written down. */
export interface AuditFacts {
  readonly id: string;
  readonly uri: string;
  readonly attributes: Attributes;
  /** Who sent it, where that is somebody else than who it counts as. */
  readonly caller: UserInfo | undefined;
  readonly address: string;
  readonly userAgent: string | undefined;
  readonly receivedAt: number;
  readonly now: number;
  readonly stage: AuditStage;
  readonly level: Exclude<AuditLevel, 'None'>;
  readonly code?: number | undefined;
  readonly sent?: unknown;
  readonly answered?: unknown;
  readonly annotations?: ReadonlyMap<string, string>;
}

/** Longest target and name of a program that are kept. */
const LONGEST = 8_192;

/** The event of a request. Pure. */
export function auditEvent({ id, uri, attributes, caller, address, userAgent, receivedAt, now, stage, level, code, sent, answered, annotations }: AuditFacts): AuditEvent {
  const { user, verb, ref } = attributes;
  const isWhole = stage === 'ResponseComplete';
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level,
    auditID: id,
    stage,
    requestURI: uri.slice(0, LONGEST),
    verb,
    user: told(caller ?? user),
    ...(caller !== undefined && { impersonatedUser: told(user) }),
    sourceIPs: [address],
    ...(userAgent !== undefined && { userAgent: userAgent.slice(0, LONGEST) }),
    ...(ref !== undefined && { objectRef: referenceOf(ref, sent) }),
    ...(isWhole && code !== undefined && { responseStatus: { metadata: {}, code, ...refusalOf(answered) } }),
    ...(isWhole && level !== 'Metadata' && sent !== undefined && { requestObject: sent }),
    ...(isWhole && level === 'RequestResponse' && answered !== undefined && { responseObject: answered }),
    requestReceivedTimestamp: microTimeOfMillis(receivedAt),
    stageTimestamp: microTimeOfMillis(now),
    ...(isWhole && annotations !== undefined && annotations.size > 0 && { annotations: Object.fromEntries(annotations) }),
  };
}

const told = ({ name, uid, groups, extra }: UserInfo): AuditEvent['user'] => ({ ...(name !== '' && { username: name }), ...(uid !== undefined && { uid }), ...(groups.length > 0 && { groups }), ...(extra !== undefined && { extra }) });

/** The object, also of one that is made, whose name is only in what was sent. */
function referenceOf({ group, version, resource, subresource, namespace, name }: NonNullable<Attributes['ref']>, sent: unknown): Record<string, string> {
  const own = (sent as { readonly metadata?: { readonly name?: unknown } } | undefined)?.metadata?.name;
  const found = name ?? (typeof own === 'string' ? own.slice(0, 253) : undefined);
  const fields = { resource, namespace, name: found, apiGroup: group === '' ? undefined : group, apiVersion: version, subresource };
  return Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function refusalOf(answered: unknown): { readonly reason?: string; readonly message?: string } {
  const { kind, reason, message } = (answered ?? {}) as { readonly kind?: unknown; readonly reason?: unknown; readonly message?: unknown };
  return kind !== 'Status' ? {} : { ...(typeof reason === 'string' && { reason }), ...(typeof message === 'string' && { message: message.slice(0, LONGEST) }) };
}
