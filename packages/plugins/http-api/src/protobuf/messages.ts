import { ADMISSIONREGISTRATION } from './messages/admissionregistration.js';
import { APIEXTENSIONS } from './messages/apiextensions.js';
import { APIREGISTRATION } from './messages/apiregistration.js';
import { APPS } from './messages/apps.js';
import { AUTHENTICATION } from './messages/authentication.js';
import { AUTHORIZATION } from './messages/authorization.js';
import { AUTOSCALING } from './messages/autoscaling.js';
import { AUTOSCALING_V2 } from './messages/autoscaling-v2.js';
import { BATCH } from './messages/batch.js';
import { CERTIFICATES } from './messages/certificates.js';
import { COORDINATION } from './messages/coordination.js';
import { CORE } from './messages/core.js';
import { DISCOVERY } from './messages/discovery.js';
import { EVENTS } from './messages/events.js';
import { META } from './messages/meta.js';
import { NETWORKING } from './messages/networking.js';
import { NODE } from './messages/node.js';
import { PODS } from './messages/pods.js';
import { POLICY } from './messages/policy.js';
import { RBAC } from './messages/rbac.js';
import { SCHEDULING } from './messages/scheduling.js';
import { STORAGE } from './messages/storage.js';
import { VOLUMES } from './messages/volumes.js';
import { SCALARS } from './scalars.js';

/**
 * The messages of Kubernetes' API types (generated.proto of k8s.io/api), which client libraries in Go send. Notation, one message after the other:
 *
 *     Name:
 *       1 field string, 2 other? int, 3 third *Message, 4 many []string, 5 by map Quantity, 6 inline Message
 *
 * Number, name in JSON, type. `?`: zero means absent, as `omitempty` has it; `*`: a pointer, which is there or not; `inline`: its fields are those of the message around it.
 * `group.Message` is one of another group. Types with a form of their own in JSON are in `scalars.ts`.
 */
const SOURCES: Readonly<Record<string, string>> = {
  core: VOLUMES + PODS + CORE,
  apps: APPS,
  batch: BATCH,
  autoscaling: AUTOSCALING,
  autoscalingv2: AUTOSCALING_V2,
  policy: POLICY,
  rbac: RBAC,
  networking: NETWORKING,
  discovery: DISCOVERY,
  coordination: COORDINATION,
  events: EVENTS,
  scheduling: SCHEDULING,
  authentication: AUTHENTICATION,
  authorization: AUTHORIZATION,
  certificates: CERTIFICATES,
  storage: STORAGE,
  admissionregistration: ADMISSIONREGISTRATION,
  node: NODE,
  apiextensions: APIEXTENSIONS,
  apiregistration: APIREGISTRATION,
  meta: META,
};

/** Under which name the messages of an API version are. */
const GROUPS: ReadonlyMap<string, string> = new Map([
  ['v1', 'core'],
  ['autoscaling/v2', 'autoscalingv2'],
  ['rbac.authorization.k8s.io/v1', 'rbac'],
  ...['apps', 'batch', 'autoscaling', 'policy'].map((name) => [`${name}/v1`, name] as const),
  ...['networking', 'discovery', 'coordination', 'events', 'scheduling', 'authentication', 'authorization', 'certificates', 'storage', 'admissionregistration', 'node', 'apiextensions', 'apiregistration', 'meta'].map(
    (name) => [`${name}.k8s.io/v1`, name] as const,
  ),
]);

/** A field of a message. */
export interface Field {
  readonly json: string;
  /** A scalar, or the message `group.Name`. */
  readonly type: string;
  readonly form: 'one' | 'list' | 'map' | 'inline';
  /** Zero means absent. */
  readonly omitEmpty: boolean;
}

/** A message: its fields by their numbers. */
export type Message = ReadonlyMap<number, Field>;

let known: ReadonlyMap<string, Message> | undefined;

/** A message by its name, `group.Name`; undefined when there is none. */
export const messageOf = (name: string): Message | undefined => (known ??= parse()).get(name);

/** The name of the message of a kind; undefined for a version that has none. Options of requests may say any version. */
export function messageName(apiVersion: string, kind: string): string | undefined {
  const group = kind === 'DeleteOptions' ? 'meta' : GROUPS.get(apiVersion);
  return group === undefined ? undefined : `${group}.${kind}`;
}

function parse(): ReadonlyMap<string, Message> {
  const messages = new Map<string, Message>();
  for (const [group, source] of Object.entries(SOURCES)) {
    for (const [, name = '', body = ''] of source.matchAll(/^(\w+):\n((?: {2}.*\n)*)/gm)) {
      const fields = body.split(/,?\n|, /).map((text) => text.trim()).filter((text) => text !== '');
      messages.set(`${group}.${name}`, new Map(fields.map((text) => fieldOf(text, group))));
    }
  }
  return messages;
}

function fieldOf(text: string, group: string): readonly [number, Field] {
  const [number, label = '', ...rest] = text.split(' ');
  const isMap = rest[0] === 'map';
  const type = rest.at(-1) ?? '';
  const plain = type.replace(/^(\*|\[\])/, '');
  const form = isMap ? 'map' : type.startsWith('[]') ? 'list' : label === 'inline' ? 'inline' : 'one';
  return [Number(number), { json: label.replace(/\?$/, ''), type: /^[A-Z]/.test(plain) && !SCALARS.has(plain) ? `${group}.${plain}` : plain, form, omitEmpty: label.endsWith('?') }];
}
