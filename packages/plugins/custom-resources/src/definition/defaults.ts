import { applyClientConfigDefaults } from '@orrery/webhook-client';
import { CLEANUP, type CustomResourceDefinition } from './form.js';

/** Fills in what was left out (apiextensions defaults). The draft is mutable. */
export function applyDefinitionDefaults({ spec }: CustomResourceDefinition): void {
  const { names } = spec;
  if ((names.singular ?? '') === '') names.singular = names.kind.toLowerCase();
  if ((names.listKind ?? '') === '' && names.kind !== '') names.listKind = `${names.kind}List`;
  if ((spec.conversion?.strategy ?? '') === '') spec.conversion = { ...spec.conversion, strategy: 'None' };
  applyClientConfigDefaults(spec.conversion?.webhook?.clientConfig);
  if (spec.preserveUnknownFields === false) delete spec.preserveUnknownFields;
  for (const { subresources } of spec.versions) {
    if (subresources?.scale?.labelSelectorPath === '') delete subresources.scale.labelSelectorPath;
  }
}

/** What the server decides of a new definition: what it stores, and the finalizer by which its objects go first. */
export function prepareDefinition(draft: CustomResourceDefinition): void {
  const stored = draft.spec.versions.filter(({ storage }) => storage).map(({ name }) => name);
  draft.status = { ...(stored.length > 0 && { storedVersions: stored }) };
  if (!(draft.metadata.finalizers ?? []).includes(CLEANUP)) {
    draft.metadata.finalizers = [...(draft.metadata.finalizers ?? []), CLEANUP];
  }
}
