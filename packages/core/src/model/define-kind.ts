import { z } from 'zod';
import type { FieldError } from './field-error.js';
import type { Column, KindDefinition, KindRules, ScalePaths } from './kind.js';
import { metadata } from './kinds/metadata.js';
import type { KubeObject } from './object.js';
import { fieldFacts, text } from './schema/fields.js';
import { fieldErrorsOf } from './schema/zod-errors.js';

/** Top-level fields of kinds that have no spec. */
export type KindFields = Readonly<Record<string, z.ZodType>>;

/** What a kind is made from. */
export interface KindOptions<T extends KubeObject = KubeObject> {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  /** In UpperCamelCase. */
  readonly kind: string;
  /** What its objects are, for people (`kubectl explain`). */
  readonly description?: string;
  /** Default: the kind in lower case with an English plural ending. */
  readonly plural?: string;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Default true. */
  readonly namespaced?: boolean;
  /** The desired state. Defaults of the schema are applied on decoding; its checks (min, regex, refine …) are validation. */
  readonly spec?: z.ZodType;
  /** The observed state. Giving it makes a status subresource: status is then changed only through that. */
  readonly status?: z.ZodType;
  /** Whether `metadata.generation` counts the changes of the desired state. Default: when there is a status. */
  readonly tracksGeneration?: boolean;
  /** Top-level fields, for kinds without spec. */
  readonly fields?: KindFields;
  /** Columns of `kubectl get` after NAME; AGE comes last unless it, or CREATED AT, is among them. */
  readonly columns?: readonly Column<T>[];
  /** What a row of `kubectl get` says of an object besides its cells. */
  readonly onlyColumns?: KindDefinition<T>['onlyColumns'];
  readonly rowConditions?: KindDefinition<T>['rowConditions'];
  readonly scale?: ScalePaths;
  /** What every request for the kind is warned of: that it is deprecated, and what to use instead. */
  readonly deprecation?: string;
  readonly rules?: KindRules<T>;
}

/** The object type that options of {@link defineKind} describe. */
export type ObjectOf<O> = KubeObject &
  (O extends { readonly spec: infer S extends z.ZodType } ? { spec: z.output<S> } : unknown) &
  (O extends { readonly status: infer S extends z.ZodType } ? { status?: z.output<S> | undefined } : unknown) &
  (O extends { readonly fields: infer F extends KindFields } ? z.output<z.ZodObject<F>> : unknown);

/** The object type of a kind: `type Game = KindOf<typeof Game>`. */
export type KindOf<D> = D extends KindDefinition<infer T> ? T : never;

/**
 * Declares a kind of one's own; the object type follows from the schemas.
 * Checks in the schemas become validation errors that name the field. Throws RangeError on a malformed name.
 */
export function defineKind<const O extends KindOptions>(options: O): KindDefinition<ObjectOf<O>> {
  type T = ObjectOf<O>;
  const { rules = {}, ...rest } = options as unknown as KindOptions<T>;
  const base = makeKind<T>({ ...rest, rules }, wholeObject(options));
  const checked = z.object({ ...(options.spec && { spec: options.spec }), ...(options.status && { status: options.status.optional() }), ...options.fields });
  const validate = (object: T): FieldError[] => [...fieldErrorsOf(checked, object), ...(rules.validate?.(object) ?? [])];
  return { ...base, rules: { ...rules, validate } };
}

/** Makes the definition of a kind whose type is written by hand and whose rules do all its validation. The built-in kinds use it. */
export function buildKind<T extends KubeObject>(options: KindOptions<T>): KindDefinition<T> {
  const schema = wholeObject(options);
  fieldFacts.add(schema, { omitsZero: true });
  return makeKind(options, schema);
}

function makeKind<T extends KubeObject>(options: KindOptions<T>, schema: z.ZodType): KindDefinition<T> {
  const { group, version, kind } = options;
  if (!/^[A-Z][A-Za-z0-9]{0,62}$/.test(kind)) throw new RangeError(`A kind is written in UpperCamelCase: ${JSON.stringify(kind)}`);
  if (!/^v[0-9][a-z0-9]{0,20}$/.test(version)) throw new RangeError(`A version looks like v1 or v1beta1: ${JSON.stringify(version)}`);
  const singular = options.singular ?? kind.toLowerCase();
  return {
    group,
    version,
    kind,
    apiVersion: group === '' ? version : `${group}/${version}`,
    singular,
    plural: options.plural ?? pluralOf(singular),
    listKind: `${kind}List`,
    shortNames: options.shortNames ?? [],
    categories: options.categories ?? [],
    namespaced: options.namespaced ?? true,
    schema: schema as z.ZodType<T>,
    hasStatus: options.status !== undefined,
    tracksGeneration: options.tracksGeneration ?? options.status !== undefined,
    ...(options.scale === undefined ? {} : { scale: options.scale }),
    columns: options.columns ?? [],
    ...(options.onlyColumns !== undefined && { onlyColumns: options.onlyColumns }),
    ...(options.rowConditions && { rowConditions: options.rowConditions }),
    ...(options.description !== undefined && { description: options.description }),
    ...(options.deprecation !== undefined && { deprecation: options.deprecation }),
    rules: options.rules ?? {},
  };
}

function wholeObject(options: Pick<KindOptions, 'spec' | 'status' | 'fields'>): z.ZodType {
  return z.object({
    apiVersion: text.optional(),
    kind: text.optional(),
    metadata: metadata.prefault({}),
    ...(options.spec && { spec: options.spec.prefault({}) }),
    ...options.fields,
    ...(options.status && { status: options.status.optional() }),
  });
}

/** English as far as kinds need it: `ies` after a consonant and y, `es` after s, x, ch, sh. */
function pluralOf(singular: string): string {
  if (/[^aeiou]y$/.test(singular)) return `${singular.slice(0, -1)}ies`;
  return /(?:s|x|ch|sh)$/.test(singular) ? `${singular}es` : `${singular}s`;
}
