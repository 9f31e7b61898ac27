import type * as Yaml from 'yaml';
import type { Alias, Document, Node, Pair, YAMLMap } from 'yaml';

/** Aliases of one text together, and keys that its merges (`<<`) copy: far more than manifests have, far less than would keep the process busy. */
const MAX_ALIASES = 1_000;
const MAX_MERGED = 100_000;

/** What is wrong with a document, and where in the text. */
export interface YamlProblem {
  readonly message: string;
  /** Characters from the beginning. */
  readonly at: number;
}

/**
 * What keeps a parsed document from being read: a key that is there twice, or more aliases and merged keys than a manifest can need. Takes time by the length of the document only;
 * what the parser itself would do about either grows with the square of it, so that three megabytes kept a process busy for minutes.
 */
export function yamlProblem(yaml: Pick<typeof Yaml, 'visit' | 'isAlias' | 'isMap' | 'isScalar' | 'isSeq'>, document: Document.Parsed): YamlProblem | undefined {
  const { visit, isAlias, isMap, isScalar, isSeq } = yaml;
  const anchors = new Map<string, Node>();
  /** Keys that each merge copies, with those that were merged into what it copies. */
  const sizes = new Map<Pair, number>();
  let [aliases, merged]: [number, number] = [0, 0];
  let problem: YamlProblem | undefined;

  const sizeOf = (source: unknown): number => {
    const target = isAlias(source) ? anchors.get(source.source) : source;
    if (isSeq(target)) return target.items.reduce<number>((sum, item) => sum + sizeOf(item), 0);
    if (!isMap(target)) return 0;
    return target.items.reduce((sum, pair) => sum + (isMerge(pair.key) ? (sizes.get(pair) ?? 0) : 1), 0);
  };
  const isMerge = (key: unknown): boolean => isScalar(key) && (typeof key.value === 'symbol' || key.value === '<<');
  const found = (message: string, node: { readonly range?: readonly [number, number, number] | null | undefined }): symbol => {
    problem = { message, at: node.range?.[0] ?? 0 };
    return visit.BREAK;
  };
  const checkKeys = (map: YAMLMap): symbol | undefined => {
    const keys = new Set<unknown>();
    for (const { key } of map.items as Pair[]) {
      // Merges may be several.
      if (!isScalar(key) || typeof key.value === 'symbol') continue;
      if (keys.has(key.value)) return found('Map keys must be unique', key);
      keys.add(key.value);
    }
    return undefined;
  };

  visit(document, {
    Node: (_key, node) => {
      if (isAlias(node)) {
        aliases += 1;
        return aliases > MAX_ALIASES ? found(`there are more than ${MAX_ALIASES} aliases`, node as Alias) : undefined;
      }
      if (node.anchor !== undefined) anchors.set(node.anchor, node);
      return isMap(node) ? checkKeys(node) : undefined;
    },
    Pair: (_key, pair) => {
      if (!isMerge(pair.key)) return undefined;
      const size = sizeOf(pair.value);
      sizes.set(pair, size);
      merged += size;
      return merged > MAX_MERGED ? found(`more than ${MAX_MERGED} keys are merged`, pair.key as Node) : undefined;
    },
  });
  return problem;
}
