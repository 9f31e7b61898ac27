import type { HorizontalPodAutoscaler } from '../kinds/horizontal-pod-autoscaler.js';
import { fewOf } from './cells.js';

type Spec = NonNullable<HorizontalPodAutoscaler['spec']['metrics']>[number];
type Status = NonNullable<NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics']>[number];

const SHOWN = 2;
const UNKNOWN = '<unknown>';

/** Current and wanted figures of an autoscaler, two of them (formatHPAMetrics). Pure. */
export function metricTargets(specs: readonly Spec[], statuses: readonly Status[]): string {
  return fewOf(specs.map((spec, i) => targetText(spec, statuses[i])), SHOWN, '<none>', ', ');
}

function targetText(spec: Spec, status: Status | undefined): string {
  switch (spec.type) {
    case 'External':
      return valueText(spec.external?.target, status?.external?.current);
    case 'Object':
      return valueText(spec.object?.target, status?.object?.current);
    case 'Pods':
      return `${status?.pods?.current.averageValue ?? UNKNOWN}/${spec.pods?.target.averageValue ?? UNKNOWN}`;
    case 'Resource':
      return `${spec.resource?.name}: ${resourceText(spec.resource?.target, status?.resource?.current)}`;
    case 'ContainerResource':
      return `${spec.containerResource?.name}: ${resourceText(spec.containerResource?.target, status?.containerResource?.current)}`;
    default:
      return '<unknown type>';
  }
}

type Target = NonNullable<Spec['resource']>['target'];
type Current = NonNullable<Status['resource']>['current'];

function valueText(target: Target | undefined, current: Current | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`;
  return `${current?.value ?? UNKNOWN}/${target?.value ?? UNKNOWN}`;
}

function resourceText(target: Target | undefined, current: Current | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? UNKNOWN}/${target.averageValue}`;
  const percent = (share: number | undefined, none: string): string => (share === undefined ? none : `${share}%`);
  return `${percent(current?.averageUtilization, UNKNOWN)}/${percent(target?.averageUtilization, '<auto>')}`;
}
