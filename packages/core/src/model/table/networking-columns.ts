import type { Column } from '../kind.js';
import type { Ingress, IngressClass } from '../kinds/ingress.js';
import type { NetworkPolicy } from '../kinds/network-policy.js';
import type { RuntimeClass } from '../kinds/runtime-class.js';
import { age, column, orNone, selectorText } from './cells.js';

// Ingresses, their classes, network policies and runtime classes: pkg/printers/internalversion.

/** Hosts that are written out. */
const SHOWN_HOSTS = 3;

function hostsOf({ spec: { rules = [] } }: Ingress): string {
  const hosts = rules.flatMap(({ host = '' }) => (host === '' ? [] : [host]));
  if (hosts.length === 0) return '*';
  const shown = hosts.slice(0, SHOWN_HOSTS).join(',');
  return hosts.length > SHOWN_HOSTS ? `${shown} + ${hosts.length - SHOWN_HOSTS} more...` : shown;
}

const addressOf = ({ status }: Ingress): string => (status?.loadBalancer?.ingress ?? []).map(({ ip = '', hostname = '' }) => (ip === '' ? hostname : ip)).filter((text) => text !== '').join(',');

/** Columns of Ingresses. */
export const ingressColumns: readonly Column<Ingress>[] = [
  column('Class', ({ spec }) => spec.ingressClassName ?? '<none>'),
  column('Hosts', hostsOf),
  column('Address', addressOf),
  column('Ports', ({ spec }) => ((spec.tls ?? []).length > 0 ? '80, 443' : '80')),
  age(),
];

/** Columns of IngressClasses. */
export const ingressClassColumns: readonly Column<IngressClass>[] = [
  column('Controller', ({ spec }) => spec.controller ?? ''),
  column('Parameters', ({ spec: { parameters } }) => (parameters === undefined ? '<none>' : [`${parameters.kind}${(parameters.apiGroup ?? '') === '' ? '' : `.${parameters.apiGroup}`}`, parameters.name].join('/'))),
  age(),
];

/** Columns of NetworkPolicies. */
export const networkPolicyColumns: readonly Column<NetworkPolicy>[] = [column('Pod-Selector', ({ spec }) => orNone(selectorText(spec.podSelector))), age()];

/** Columns of RuntimeClasses. */
export const runtimeClassColumns: readonly Column<RuntimeClass>[] = [column('Handler', ({ handler }) => handler), age()];
