import { ApiError, type LogQuery, millisOfTime, microTimeOfMillis } from '@orrery/core';

// Which part of a log is wanted, in a query, by the names of v1 PodLogOptions. Pure.

const STREAMS = { stdout: 'Stdout', stderr: 'Stderr' } as const;

/** The query that asks for it. */
export function logParameters({ follow, previous, sinceTime, timestamps, tailLines, limitBytes, stream }: LogQuery): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, flag] of Object.entries({ follow, previous, timestamps })) if (flag === true) query.set(name, 'true');
  for (const [name, number] of Object.entries({ tailLines, limitBytes })) if (number !== undefined) query.set(name, String(number));
  if (sinceTime !== undefined) query.set('sinceTime', microTimeOfMillis(sinceTime));
  if (stream !== undefined) query.set('stream', STREAMS[stream]);
  return query;
}

/** What a query asks for. Throws BadRequest for what cannot be read. */
export function logQueryOf(query: URLSearchParams, now: number): LogQuery {
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text !== null && !/^\d{1,15}$/.test(text)) throw ApiError.badRequest(`${name}: Invalid value: ${JSON.stringify(text.slice(0, 64))}: must be a whole number`);
    return text === null ? undefined : Number(text);
  };
  const [tailLines, limitBytes, sinceSeconds] = [number('tailLines'), number('limitBytes'), number('sinceSeconds')];
  const time = query.get('sinceTime');
  const sinceTime = time === null ? undefined : millisOfTime(time);
  if (time !== null && sinceTime === undefined) throw ApiError.badRequest(`sinceTime: Invalid value: ${JSON.stringify(time.slice(0, 64))}: must be a time as in RFC 3339`);
  const since = sinceSeconds === undefined ? sinceTime : now - sinceSeconds * 1000;
  const stream = (Object.keys(STREAMS) as (keyof typeof STREAMS)[]).find((name) => STREAMS[name] === query.get('stream'));
  const flag = (name: string): boolean => isTrue(query.get(name));
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    ...(since !== undefined && { sinceTime: since }),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(stream !== undefined && { stream }),
  };
}

/** What Kubernetes takes for true in a query. */
export const isTrue = (text: string | null): boolean => text === '1' || text === 'true';
