import { ApiError } from '@orrery/core';

/** In which text an answer is written. */
export type Encoding = 'json' | 'yaml';

/** In which form objects are answered: as they are, as a table, or their metadata only. */
export type Form = 'object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

/** What a client wants. */
export interface Wanted {
  readonly encoding: Encoding;
  readonly as: Form;
}

/** One clause of an Accept header. */
interface Clause {
  readonly type: string;
  readonly quality: number;
  readonly params: ReadonlyMap<string, string>;
}

const FORMS: ReadonlySet<string> = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
const ENCODINGS: ReadonlyMap<string, Encoding> = new Map([
  ['application/json', 'json'],
  ['application/yaml', 'yaml'],
  ['*/*', 'json'],
  ['application/*', 'json'],
]);

/** The first thing a client accepts that can be answered. Throws NotAcceptable when there is none. */
export function wantedOf(header: string | undefined): Wanted {
  for (const { type, params } of clausesOf(header)) {
    const encoding = ENCODINGS.get(type);
    if (encoding === undefined) continue;
    const as = params.get('as');
    if (as === undefined) return { encoding, as: 'object' };
    if (FORMS.has(as) && params.get('g') === 'meta.k8s.io' && params.get('v') === 'v1') return { encoding, as: as as Form };
  }
  throw new ApiError('NotAcceptable', 'only the following media types are accepted: application/json, application/yaml');
}

/** Whether aggregated discovery is what a client asks for first. */
export function wantsAggregatedDiscovery(header: string | undefined): boolean {
  for (const { type, params } of clausesOf(header)) {
    if (!ENCODINGS.has(type)) continue;
    if (!params.has('as')) return false;
    if (type === 'application/json' && params.get('as') === 'APIGroupDiscoveryList' && params.get('g') === 'apidiscovery.k8s.io' && params.get('v') === 'v2') return true;
  }
  return false;
}

/** Whether an answer may be compressed with gzip. */
export function acceptsGzip(header: string | undefined): boolean {
  return header !== undefined && clausesOf(header).some(({ type }) => type === 'gzip');
}

/** The media type of a Content-Type header, in lower case and without its parameters. */
export const mediaType = (header: string | undefined): string => (header ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';

/** Clauses in the order in which they are preferred. */
function clausesOf(header = '*/*'): readonly Clause[] {
  const clauses = header.split(',').map((text) => {
    const [type = '', ...rest] = text.split(';').map((part) => part.trim());
    const params = new Map(rest.map((part) => [part.slice(0, part.indexOf('=')), part.slice(part.indexOf('=') + 1)] as const));
    const quality = Number(params.get('q') ?? 1);
    return { type: type.toLowerCase(), params, quality: Number.isNaN(quality) ? 0 : quality };
  });
  return clauses.filter(({ quality, type }) => quality > 0 && type !== '').sort((a, b) => b.quality - a.quality);
}
