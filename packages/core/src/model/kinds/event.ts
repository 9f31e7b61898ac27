import type { z } from 'zod';
import { described, int32, microTime, pointer, requiredStruct, struct, text, timestamp } from '../schema/fields.js';
import type { Schema } from '../schema/fields.js';
import { buildKind } from '../define-kind.js';
import type { KindDefinition } from '../kind.js';
import type { KubeObject } from '../object.js';
import { objectReference } from './references.js';
import { eventColumns } from '../table/cluster-columns.js';

const eventSourceSchema = struct({
  component: text.optional(),
  host: text.optional(),
});
/** Who reported an event, in the old form. */
export interface EventSource extends z.infer<typeof eventSourceSchema> {}
/** Schema of {@link EventSource}. */
export const eventSource: Schema<EventSource> = described(eventSourceSchema, 'Who reported an event, in the old form.');

const eventSeriesSchema = struct({
  count: int32.optional(),
  lastObservedTime: microTime.optional(),
});
/** A series of equal events. */
export interface EventSeries extends z.infer<typeof eventSeriesSchema> {}
/** Schema of {@link EventSeries}. */
export const eventSeries: Schema<EventSeries> = described(eventSeriesSchema, 'A series of equal events.');

const eventFields = {
  involvedObject: requiredStruct(objectReference),
  reason: text.optional(),
  message: text.optional(),
  source: eventSource.optional(),
  firstTimestamp: timestamp.optional(),
  lastTimestamp: timestamp.optional(),
  count: int32.optional(),
  type: text.optional(),
  eventTime: microTime.optional(),
  series: pointer(eventSeries),
  action: text.optional(),
  related: pointer(objectReference),
  reportingComponent: text.default(''),
  reportingInstance: text.default(''),
};
type EventFields = z.infer<z.ZodObject<typeof eventFields>>;
/** Something that happened to an object (core/v1). */
export interface Event extends KubeObject, EventFields {}
/** The kind {@link Event}. */
export const Event: KindDefinition<Event> = buildKind<Event>({
  group: '',
  version: 'v1',
  kind: 'Event',
  description: 'Something that happened to an object.',
  shortNames: ['ev'],
  fields: eventFields,
  columns: eventColumns,
  onlyColumns: 'withName',
  rules: {
    selectableFields: {
      'involvedObject.kind': ({ involvedObject }) => involvedObject.kind ?? '',
      'involvedObject.namespace': ({ involvedObject }) => involvedObject.namespace ?? '',
      'involvedObject.name': ({ involvedObject }) => involvedObject.name ?? '',
      'involvedObject.uid': ({ involvedObject }) => involvedObject.uid ?? '',
      'involvedObject.apiVersion': ({ involvedObject }) => involvedObject.apiVersion ?? '',
      'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject.resourceVersion ?? '',
      'involvedObject.fieldPath': ({ involvedObject }) => involvedObject.fieldPath ?? '',
      reason: ({ reason }) => reason ?? '',
      reportingComponent: ({ reportingComponent }) => reportingComponent,
      source: ({ source, reportingComponent }) => source?.component ?? reportingComponent,
      type: ({ type }) => type ?? '',
    },
  },
});
