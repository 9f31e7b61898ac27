import { fieldError } from '../field-error.js';
import type { ResourceRequirements } from '../kinds/resources.js';
import { isQualifiedName } from '../names.js';
import { compareQuantities, parseQuantity } from '../quantity.js';
import type { Quantity } from '../quantity.js';
import { invalidEach } from './checks.js';
import type { Errors } from './checks.js';

// What containers and pods may ask for (ValidateResourceRequirements).

const STANDARD: readonly string[] = ['cpu', 'memory', 'ephemeral-storage'];
const HUGE_PAGES = 'hugepages-';

/** Resources that Kubernetes names itself. */
export const isStandardResource = (name: string): boolean => STANDARD.includes(name) || name.startsWith(HUGE_PAGES);

const mayOvercommit = (name: string): boolean => !name.startsWith(HUGE_PAGES) && !isExtended(name);

/** Resources with a domain of their own are counted in whole units and cannot be overcommitted. */
function isExtended(name: string): boolean {
  return name.includes('/') && !/(?:^|\.)kubernetes\.io\//.test(name) && !name.startsWith('requests.');
}

/** What is wrong with the resources of a container. */
export function checkResources(errors: Errors, field: string, resources: ResourceRequirements | undefined): void {
  if (resources === undefined) return;
  const { limits = {}, requests = {} } = resources;
  let standard = false;
  let huge = false;
  for (const name in limits) {
    checkQuantity(errors, `${field}.limits`, name, limits[name] as string);
    standard ||= name === 'cpu' || name === 'memory';
    huge ||= name.startsWith(HUGE_PAGES);
  }
  for (const name in requests) {
    checkQuantity(errors, `${field}.requests`, name, requests[name] as string);
    standard ||= name === 'cpu' || name === 'memory';
    huge ||= name.startsWith(HUGE_PAGES);
    checkAgainstLimit(errors, field, name, requests[name] as string, limits[name]);
  }
  if (huge && !standard) errors.push(fieldError.forbidden(field, 'HugePages require cpu or memory'));
}

/** Resources of a whole pod: only those that can be shared. */
export function checkPodResources(errors: Errors, field: string, resources: ResourceRequirements | undefined): void {
  if (resources === undefined) return;
  const supported = ['cpu', 'memory'];
  for (const part of ['limits', 'requests'] as const) {
    for (const name in resources[part]) {
      if (!supported.includes(name) && !name.startsWith(HUGE_PAGES)) errors.push(fieldError.notSupported(`${field}.${part}[${name}]`, name, supported));
    }
  }
  const known = (quantities: Record<string, string> | undefined): Record<string, string> =>
    Object.fromEntries(Object.entries(quantities ?? {}).filter(([name]) => supported.includes(name) || name.startsWith(HUGE_PAGES)));
  checkResources(errors, field, { limits: known(resources.limits), requests: known(resources.requests) });
}

/** The name and amount of one resource, at `field[name]`. */
export function checkQuantity(errors: Errors, field: string, name: string, text: string): void {
  const at = `${field}[${name}]`;
  if (!isStandardResource(name)) {
    invalidEach(errors, at, name, isQualifiedName(name));
    if (!name.includes('/')) errors.push(fieldError.invalid(at, name, 'must be a standard resource type or fully qualified'));
  }
  // The decoder has seen to it that it parses.
  const amount = parseQuantity(text) as Quantity;
  if (amount.unscaled < 0n) errors.push(fieldError.invalid(at, text, 'must be greater than or equal to 0'));
  if (isExtended(name) && amount.scale < 0 && amount.unscaled % 10n ** BigInt(-amount.scale) !== 0n) errors.push(fieldError.invalid(at, text, 'must be an integer'));
}

function checkAgainstLimit(errors: Errors, field: string, name: string, request: string, limit: string | undefined): void {
  if (limit === undefined) {
    if (!mayOvercommit(name)) errors.push(fieldError.required(`${field}.limits`, 'Limit must be set for non overcommitable resources'));
    return;
  }
  if (limit === request) return;
  const order = compareQuantities(parseQuantity(request) as Quantity, parseQuantity(limit) as Quantity);
  if (order !== 0 && !mayOvercommit(name)) errors.push(fieldError.invalid(`${field}.requests`, request, `must be equal to ${name} limit of ${limit}`));
  else if (order > 0) errors.push(fieldError.invalid(`${field}.requests`, request, `must be less than or equal to ${name} limit of ${limit}`));
}
