import { ApiError, fieldError, type FieldError, type LogQuery, millisOfTime, type Pod, type ResourceRef } from '@orrery/core';
import type { Query } from '../query.js';

/** The subresources of pods that are streams. */
export type StreamName = 'log' | 'exec' | 'attach' | 'portforward';

const NAMES: ReadonlySet<string> = new Set<StreamName>(['log', 'exec', 'attach', 'portforward']);

/** Which stream of a pod a path is about, if it is. Pure. */
export function streamOf({ group, version, resource, namespace, name, subresource }: ResourceRef): StreamName | undefined {
  const isPod = group === '' && version === 'v1' && resource === 'pods' && namespace !== undefined && name !== undefined;
  return isPod && NAMES.has(subresource ?? '') ? (subresource as StreamName) : undefined;
}

/** The container that is meant: the one that is named, or the only one. Throws BadRequest, as kube-apiserver. Pure. */
export function containerOf(pod: Pick<Pod, 'metadata' | 'spec'>, wanted: string | undefined): string {
  const { containers, initContainers = [], ephemeralContainers = [] } = pod.spec;
  const name = pod.metadata.name ?? '';
  const listed = (some: readonly { readonly name: string }[]): string => `[${some.map((one) => one.name).join(' ')}]`;
  if (wanted === undefined) {
    const [only, second] = containers;
    if (only !== undefined && second === undefined) return only.name;
    const inits = initContainers.length > 0 ? ` or one of the init containers: ${listed(initContainers)}` : '';
    throw ApiError.badRequest(`a container name must be specified for pod ${name}, choose one of: ${listed(containers)}${inits}`);
  }
  if (![...containers, ...initContainers, ...ephemeralContainers].some((one) => one.name === wanted)) throw ApiError.badRequest(`container ${wanted.slice(0, 63)} is not valid for pod ${name}`);
  return wanted;
}

/** Which streams a command or a client has. Throws BadRequest without any. Pure. */
export function commandOf(query: Query): { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean; readonly tty: boolean } {
  const flag = (name: string): boolean => query.flag(name) ?? false;
  const [stdin, stdout, stderr, tty] = [flag('stdin'), flag('stdout'), flag('stderr'), flag('tty')];
  if (!stdin && !stdout && !stderr) throw ApiError.badRequest('you must specify at least 1 of stdin, stdout, stderr');
  // A terminal has one output.
  return { stdin, stdout, stderr: stderr && !tty, tty };
}

/** More than a program can be given. */
const MAX_ARGUMENTS = 1_000;

/** The command to run. Throws BadRequest when there is none. Pure. */
export function argumentsOf(query: Query): readonly string[] {
  const command = query.all('command');
  if (command.length === 0 || command[0] === '') throw ApiError.badRequest('you must specify at least one command for the container');
  if (command.length > MAX_ARGUMENTS || command.some((word) => word.includes('\0'))) throw ApiError.badRequest('the command cannot be run');
  return command;
}

/** Ports of one request at most: channels are numbered in one byte. */
const MAX_PORTS = 64;

/** The ports to forward, of clients that say so in the query. Throws BadRequest. Pure. */
export function portsOf(query: Query): readonly number[] {
  const texts = query.all('ports').flatMap((text) => text.split(','));
  if (texts.length === 0) throw ApiError.badRequest('query parameter "ports" is required');
  if (texts.length > MAX_PORTS) throw ApiError.badRequest(`at most ${MAX_PORTS} ports can be forwarded at once`);
  return texts.map((text) => {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65_535) throw ApiError.badRequest(`unable to parse ${JSON.stringify(text.slice(0, 20))} as a port`);
    return port;
  });
}

const ONE_SINCE = 'at most one of `sinceTime` or `sinceSeconds` may be specified';
const STREAMS: ReadonlyMap<string, LogQuery['stream']> = new Map([
  ['All', undefined],
  ['Stdout', 'stdout'],
  ['Stderr', 'stderr'],
]);

/** Which part of a log is wanted. Throws Invalid of PodLogOptions (ValidatePodLogOptions), BadRequest for what cannot be read. Pure. */
export function logQueryOf(query: Query, now: number): LogQuery {
  const number = (name: string): number | undefined => {
    const text = query.text(name);
    if (text !== undefined && !/^-?\d{1,15}$/.test(text)) throw ApiError.badRequest(`${name}: Invalid value: ${JSON.stringify(text.slice(0, 64))}: must be a whole number`);
    return text === undefined ? undefined : Number(text);
  };
  const [tailLines, limitBytes, sinceSeconds] = [number('tailLines'), number('limitBytes'), number('sinceSeconds')];
  const [time, stream] = [query.text('sinceTime'), query.text('stream')];
  const sinceTime = time === undefined ? undefined : millisOfTime(time);
  if (time !== undefined && sinceTime === undefined) throw ApiError.badRequest(`sinceTime: Invalid value: ${JSON.stringify(time.slice(0, 64))}: must be a time as in RFC 3339`);
  const errors: FieldError[] = [];
  if (tailLines !== undefined && tailLines < 0) errors.push(fieldError.invalid('tailLines', tailLines, 'must be greater than or equal to 0'));
  if (limitBytes !== undefined && limitBytes < 1) errors.push(fieldError.invalid('limitBytes', limitBytes, 'must be greater than 0'));
  if (sinceSeconds !== undefined && time !== undefined) errors.push(fieldError.forbidden('', ONE_SINCE));
  else if (sinceSeconds !== undefined && sinceSeconds < 1) errors.push(fieldError.invalid('sinceSeconds', sinceSeconds, 'must be greater than 0'));
  if (stream !== undefined && !STREAMS.has(stream)) errors.push(fieldError.notSupported('stream', stream, [...STREAMS.keys()]));
  else if (stream !== undefined && stream !== 'All' && tailLines !== undefined) errors.push(fieldError.forbidden('', '`tailLines` and specific `stream` are mutually exclusive for now'));
  if (errors.length > 0) throw ApiError.invalid({ group: '', kind: 'PodLogOptions' }, '', errors);
  const since = sinceSeconds === undefined ? sinceTime : now - sinceSeconds * 1000;
  const only = STREAMS.get(stream ?? 'All');
  return {
    follow: query.flag('follow') ?? false,
    previous: query.flag('previous') ?? false,
    timestamps: query.flag('timestamps') ?? false,
    ...(since !== undefined && { sinceTime: since }),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(only !== undefined && { stream: only }),
  };
}
