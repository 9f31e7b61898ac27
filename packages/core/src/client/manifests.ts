import type { DocumentOptions, ParseOptions, SchemaOptions, Tags } from 'yaml';
import { errorMessage } from '../kernel/errors.js';
import { ApiError } from '../model/api-error.js';
import { yamlProblem } from './yaml-bounds.js';

/** Text of one call at most, as kube-apiserver bounds a body. */
export const MAX_TEXT_BYTES = 3 * 1024 * 1024;
const MAX_ALIASES = 100;
const MAX_DOCUMENTS = 10_000;
/** Deeper than any object may be, and far from what recursion can bear. */
const MAX_DEPTH = 200;

/** Dates stay text; the others no manifest has, and reading them takes time by the square of their length. */
const UNKNOWN_TAGS: ReadonlySet<string> = new Set(['timestamp', 'omap', 'pairs', 'set'].map((name) => `tag:yaml.org,2002:${name}`));

/**
 * kubectl reads YAML 1.1 (`on` and `yes` are booleans, `012` is octal), but no sexagesimal numbers, and dates stay text. So do we.
 */
const kubectlYaml: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  resolveKnownTags: false,
  customTags: (tags: Tags): Tags => [
    ...tags.filter((tag) => typeof tag !== 'object' || ((!('format' in tag) || tag.format !== 'TIME') && !UNKNOWN_TAGS.has(tag.tag))),
    {
      identify: () => false,
      default: true,
      tag: 'tag:yaml.org,2002:int',
      test: /^[-+]?0o[0-7]+$/,
      resolve: (text: string) => Number(text.replace(/^([-+]?)0o/, '$10o')),
    },
  ],
};

/** A manifest with where it came from, for messages. */
export interface Manifest {
  readonly source: string;
  readonly value: Record<string, unknown>;
}

/**
 * Reads manifests: YAML or JSON text of one or many documents, one object, or a list of objects; a `List` stands for its items; empty documents are left out.
 * Throws BadRequest or RequestEntityTooLarge naming document and line.
 */
export async function readManifests(input: string | object | readonly object[]): Promise<readonly Manifest[]> {
  const documents = typeof input === 'string' ? await parseText(input) : (Array.isArray(input) ? input : [input]).map((value: unknown, i) => ({ source: `manifest ${i + 1}`, value }));
  for (const { source, value } of documents) if (isDeeper(value, MAX_DEPTH)) throw ApiError.badRequest(`${source}: nested more than ${MAX_DEPTH} levels deep`);
  return documents.flatMap(({ source, value }) => expand(source, value));
}

/**
 * The one document of YAML or JSON text, as it stands there: a list stays a list. Undefined when there is none. With the bounds of {@link readManifests};
 * throws BadRequest also for several documents.
 */
export async function readDocument(text: string): Promise<unknown> {
  const documents = await parseText(text);
  if (documents.length > 1) throw ApiError.badRequest(`there are ${documents.length} documents where there must be one`);
  const value = documents[0]?.value ?? undefined;
  if (isDeeper(value, MAX_DEPTH)) throw ApiError.badRequest(`nested more than ${MAX_DEPTH} levels deep`);
  return value;
}

async function parseText(text: string): Promise<{ source: string; value: unknown }[]> {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_TEXT_BYTES) throw new ApiError('RequestEntityTooLarge', `the manifests are ${bytes} bytes; the limit is ${MAX_TEXT_BYTES}`);
  const yaml = await import('yaml');
  const { Lexer, LineCounter, parseAllDocuments } = yaml;
  checkTokens(new Lexer().lex(text));
  const lines = new LineCounter();
  const documents = parsed(() => parseAllDocuments(text, { ...kubectlYaml, lineCounter: lines, uniqueKeys: false }));
  if (!Array.isArray(documents)) return [];
  return documents.map((document, i) => {
    const source = `document ${i + 1}`;
    const error = document.errors[0];
    if (error !== undefined) throw ApiError.badRequest(`${source}, line ${lines.linePos(error.pos[0]).line}: ${error.message.split('\n')[0]}`);
    const problem = yamlProblem(yaml, document);
    if (problem !== undefined) throw ApiError.badRequest(`${source}, line ${lines.linePos(problem.at).line}: ${problem.message}`);
    try {
      return { source, value: document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown };
    } catch (cause) {
      throw new ApiError('BadRequest', `${source}: ${errorMessage(cause)}`, {}, cause);
    }
  });
}

/** A scalar follows. */
const SCALAR = '\u001f';

/**
 * Refuses text that nests deeper than it may on one line, or has too many documents, by its tokens. Looked at before parsing: the parser follows the nesting by recursion, and near
 * the end of the stack V8 may give up compiling a regular expression, which ends the process instead of throwing. Twenty thousand brackets were enough.
 */
function checkTokens(tokens: Iterable<string>): void {
  let [line, brackets, indicators, documents, isScalar] = [1, 0, 0, 0, false];
  for (const token of tokens) {
    const isText = isScalar;
    isScalar = token === SCALAR;
    for (let at = token.indexOf('\n'); at >= 0; at = token.indexOf('\n', at + 1)) {
      line += 1;
      indicators = 0;
    }
    if (isText) continue;
    if (token === '---') documents += 1;
    if (documents > MAX_DOCUMENTS) throw new ApiError('RequestEntityTooLarge', `the manifests hold more than ${MAX_DOCUMENTS} documents`);
    if (token === '[' || token === '{') brackets += 1;
    else if (token === ']' || token === '}') brackets -= 1;
    else if (brackets <= 0 && (token === '-' || token === '?')) indicators += 1;
    if (brackets > MAX_DEPTH || indicators > MAX_DEPTH) throw ApiError.badRequest(`line ${line}: nested more than ${MAX_DEPTH} levels deep`);
  }
}

/** The parser gives back errors as data, but for text that is nested deeper than it can follow. */
function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw new ApiError('BadRequest', `the manifests cannot be read: ${errorMessage(cause)}`, {}, cause);
  }
}

/** Ends for objects that contain themselves, too. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function expand(source: string, value: unknown): Manifest[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object' || Array.isArray(value)) throw ApiError.badRequest(`${source}: a manifest must be an object, not ${Array.isArray(value) ? 'a list' : typeof value}`);
  const { kind, items } = value as { kind?: unknown; items?: unknown };
  if (typeof kind === 'string' && kind.endsWith('List') && Array.isArray(items)) return items.flatMap((item, i) => expand(`${source}, item ${i + 1}`, item));
  return [{ source, value: value as Record<string, unknown> }];
}
