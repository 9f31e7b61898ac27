import { withConditionSet } from '@orrery/core';
import type { CustomResourceDefinition } from '../definition/form.js';
import type { NamePlan } from './names.js';

type Status = NonNullable<CustomResourceDefinition['status']>;

const conditionOf = ({ status }: CustomResourceDefinition, type: string): string | undefined => status?.conditions?.find((one) => one.type === type)?.status;

/** Whether it has been served once: then it is until it goes. */
export const isEstablished = (definition: CustomResourceDefinition): boolean => conditionOf(definition, 'Established') === 'True';

/** The status of a definition by its names; the same object when nothing changes. `now` in milliseconds since the epoch. Pure. */
export function planStatus(definition: CustomResourceDefinition, { accepted, conflict }: NamePlan, now: number): Status {
  const { status = {}, spec } = definition;
  const names = { type: 'NamesAccepted', ...(conflict === undefined ? { status: 'True', reason: 'NoConflicts', message: 'no conflicts found' } : { status: 'False', ...conflict }) };
  const established =
    conflict === undefined || isEstablished(definition)
      ? { type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message: 'the initial names have been accepted' }
      : { type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' };
  const stored = spec.versions.filter(({ storage }) => storage).map(({ name }) => name);
  const before = status.storedVersions ?? [];
  return {
    ...status,
    conditions: withConditionSet(withConditionSet(status.conditions, names, now), established, now),
    acceptedNames: accepted,
    storedVersions: [...before, ...stored.filter((name) => !before.includes(name))],
  };
}

/** The status of a definition whose objects are being deleted. Pure. */
export function planTerminating({ status = {} }: CustomResourceDefinition, now: number): Status {
  const facts = { type: 'Terminating', status: 'True', reason: 'InstanceDeletionInProgress', message: 'CustomResource deletion is in progress' };
  return { ...status, conditions: withConditionSet(status.conditions, facts, now) };
}
