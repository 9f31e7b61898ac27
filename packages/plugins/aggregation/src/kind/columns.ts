import type { Column } from '@orrery/core';
import type { APIService } from './api-service.js';

/** Columns of APIServices (kube-aggregator's printers). */
export const apiServiceColumns: readonly Column<APIService>[] = [
  { name: 'Service', type: 'string', value: ({ spec: { service } }) => (service === undefined ? 'Local' : `${service.namespace}/${service.name}`) },
  { name: 'Available', type: 'string', value: availability },
];

function availability({ status }: APIService): string {
  const condition = status?.conditions?.find(({ type }) => type === 'Available');
  if (condition === undefined) return 'Unknown';
  return condition.status === 'True' ? 'True' : `${condition.status} (${condition.reason})`;
}
