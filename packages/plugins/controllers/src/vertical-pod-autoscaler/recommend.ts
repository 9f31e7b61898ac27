import { formatQuantity, milliValue, quantityOf, value } from '@orrery/core';
import type { ContainerUse } from './container-use.js';
import type { ContainerPolicy, ContainerRecommendation } from './kind.js';

/** How recommendations are made; the defaults are those of Kubernetes' recommender. */
export interface RecommendOptions {
  /** Added to what was seen, as a share. */
  readonly margin: number;
  /** Least for a whole pod. */
  readonly minCpuMillis: number;
  readonly minMemoryBytes: number;
}

/** Amounts of a container; cpu in thousandths, memory in bytes. */
interface Estimate {
  readonly cpu: number;
  readonly memory: number;
}

const DAY_MS = 86_400_000;
const MINUTES_OF_DAY = 1440;
/** Memory is recommended in steps of this. */
const MEBIBYTE = 2 ** 20;

/**
 * What a container should ask for: the target carries 90 of 100 moments, the bounds 50 and 95, all with a margin. While little is known the bounds are far apart:
 * they come together within days, so that nothing is done on a guess. Undefined when nothing is known. Pure.
 */
export function recommend(containerName: string, use: ContainerUse, policy: ContainerPolicy | undefined, containers: number, options: RecommendOptions): ContainerRecommendation | undefined {
  if (policy?.mode === 'Off' || use.cpu.isEmpty || use.memory.isEmpty) return undefined;
  const least = { cpu: options.minCpuMillis / containers, memory: options.minMemoryBytes / containers };
  const at = (percentile: number, factor = 1): Estimate => ({
    cpu: Math.max(least.cpu, use.cpu.percentile(percentile) * (1 + options.margin) * factor),
    memory: Math.max(least.memory, use.memory.percentile(percentile) * (1 + options.margin) * factor),
  });
  const confidence = Math.min((use.lastSample - use.firstSample) / DAY_MS, use.samples / MINUTES_OF_DAY);
  const capped = (estimate: Estimate): Record<string, string> => shown(cap(estimate, policy), policy);
  return {
    containerName,
    target: capped(at(0.9)),
    lowerBound: capped(at(0.5, (1 + 0.001 / confidence) ** -2)),
    upperBound: capped(at(0.95, 1 + 1 / confidence)),
    uncappedTarget: shown(at(0.9), policy),
  };
}

/** Whether the new recommendation is another: a twentieth of the target, or a tenth of a bound. Less is not worth a write. Pure. */
export function differs(old: readonly ContainerRecommendation[], next: readonly ContainerRecommendation[]): boolean {
  if (old.length !== next.length) return true;
  return next.some((one) => {
    const before = old.find(({ containerName }) => containerName === one.containerName);
    if (before === undefined) return true;
    return isFar(before.target, one.target, 0.05) || isFar(before.lowerBound, one.lowerBound, 0.1) || isFar(before.upperBound, one.upperBound, 0.1);
  });
}

/** The policy of a container: its own, or that of all. */
export const policyOf = (policies: readonly ContainerPolicy[], containerName: string): ContainerPolicy | undefined =>
  policies.find((policy) => policy.containerName === containerName) ?? policies.find((policy) => policy.containerName === '*');

function isFar(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}, share: number): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].some((name) => {
    const [before, after] = [a[name], b[name]];
    if (before === undefined || after === undefined) return true;
    return Math.abs(milliValue(after) - milliValue(before)) > share * milliValue(before);
  });
}

function cap({ cpu, memory }: Estimate, policy: ContainerPolicy | undefined): Estimate {
  const bound = (amount: number, min: number | undefined, max: number | undefined): number => Math.min(Math.max(amount, min ?? 0), max ?? Infinity);
  const { minAllowed = {}, maxAllowed = {} } = policy ?? {};
  const cpuOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : milliValue(text));
  const bytesOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : value(text));
  return { cpu: bound(cpu, cpuOf(minAllowed['cpu']), cpuOf(maxAllowed['cpu'])), memory: bound(memory, bytesOf(minAllowed['memory']), bytesOf(maxAllowed['memory'])) };
}

/** Largest amounts that are told: more is as good as no bound. */
const MOST: Estimate = { cpu: 1e9, memory: 2 ** 50 };

function shown({ cpu, memory }: Estimate, policy: ContainerPolicy | undefined): Record<string, string> {
  const controlled = policy?.controlledResources ?? ['cpu', 'memory'];
  const max = policy?.maxAllowed?.['memory'];
  // Rounding up must not go beyond what is allowed.
  const rounded = Math.min(Math.ceil(Math.min(memory, MOST.memory) / MEBIBYTE) * MEBIBYTE, max === undefined ? Infinity : value(max));
  return {
    ...(controlled.includes('cpu') && { cpu: formatQuantity(quantityOf(Math.ceil(Math.min(cpu, MOST.cpu)), 'DecimalSI', -3)) }),
    ...(controlled.includes('memory') && { memory: formatQuantity(quantityOf(rounded, 'BinarySI')) }),
  };
}
