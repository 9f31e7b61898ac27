import { ApiError, applyConfiguration, builtinKinds, decodeObject, type KindDefinition, type KubeObject, trackedFields } from '@orrery/core';
import { compare } from '../family.js';
import type { Family, Outcome, VectorCase } from '../family.js';

/** Server-side apply: who has which field after each step. */
export const apply: Family = { family: 'patch', files: ['patch-apply'], prepare: () => run };

interface Step {
  readonly op: 'apply' | 'update';
  readonly manager: string;
  readonly force?: boolean;
  readonly object: KubeObject;
}

type Json = Record<string, unknown>;
const TIME = '2026-01-01T00:00:00Z';

function run({ input, expected }: VectorCase): Outcome {
  const steps = input['steps'] as readonly Step[];
  const kind = builtinKinds.find((one) => one.kind === steps[0]?.object.kind);
  if (kind === undefined) return 'not run';
  let live: KubeObject | undefined;
  const outcomes = steps.map((step) => {
    try {
      live = take(kind, live, step);
      return shown(live);
    } catch (error) {
      if (!ApiError.is(error)) throw error;
      return refusal(error);
    }
  });
  return compare({ steps: outcomes }, { steps: (expected['steps'] as readonly Json[]).map(withoutTypingErrors) });
}

function take(kind: KindDefinition, live: KubeObject | undefined, { op, manager, force = false, object }: Step): KubeObject {
  if (op === 'apply') return defaulted(kind, applyConfiguration(kind, live, object as unknown as Json, { manager, force, time: TIME }));
  const next = defaulted(kind, object);
  const managedFields = trackedFields(kind, live, next, { manager, time: TIME }, true);
  return { ...next, metadata: { ...next.metadata, managedFields } };
}

function defaulted(kind: KindDefinition, body: unknown): KubeObject {
  const { object } = decodeObject(kind, body);
  kind.rules.applyDefaults?.(object);
  return object;
}

function shown(live: KubeObject): Json {
  const { managedFields = [], ...metadata } = live.metadata;
  const managers = managedFields
    .map(({ time: _time, fieldsType: _type, ...entry }) => entry)
    .sort((a, b) => `${a.operation}/${a.manager}`.localeCompare(`${b.operation}/${b.manager}`));
  return { object: { ...withTemplateMetadata(live), metadata }, managedFields: managers };
}

/** Kubernetes writes the metadata of a template always, if only as `{}`; Orrery leaves it out. */
function withTemplateMetadata(object: KubeObject): KubeObject {
  const { spec } = object as KubeObject & { readonly spec?: { readonly template?: object } };
  return spec?.template === undefined ? object : ({ ...object, spec: { ...spec, template: { metadata: {}, ...spec.template } } } as KubeObject);
}

function refusal(error: ApiError): Json {
  const conflicts = (error.details.causes ?? []).map(({ field, message }) => ({ field, message }));
  return { error: error.reason, ...(conflicts.length > 0 && { conflicts }) };
}

/** A configuration that does not fit the types is refused by the field manager without a reason; the API server makes it a bad request. */
const withoutTypingErrors = (step: Json): Json => (step['error'] === 'Error' ? { ...step, error: 'BadRequest' } : step);
