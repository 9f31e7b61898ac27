import type { Container, LimitRange, LimitRangeItem, Pod } from '@orrery/core';

/** Says which container got what (the admission plugin LimitRanger). */
export const LIMITED_BY = 'kubernetes.io/limit-ranger';

/** Gives containers the requests and limits they leave open, from each limit range in turn, and notes it on the pod. Changes the pod (mergePodResourceRequirements). */
export function applyLimits(pod: Pod, ranges: readonly LimitRange[]): void {
  for (const { spec } of ranges) {
    const item = spec.limits.find(({ type }) => type === 'Container');
    if (item === undefined) continue;
    const notes = [
      ...pod.spec.containers.flatMap((container) => fill(container, 'container', item)),
      ...(pod.spec.initContainers ?? []).flatMap((container) => fill(container, 'init container', item)),
    ];
    if (notes.length > 0) (pod.metadata.annotations ??= {})[LIMITED_BY] = `LimitRanger plugin set: ${notes.join('; ')}`;
  }
}

function fill(container: Container, what: string, item: LimitRangeItem): string[] {
  const requests = merge(container, 'requests', item.defaultRequest);
  const limits = merge(container, 'limits', item.default);
  const note = (names: readonly string[], part: string): string[] => (names.length > 0 ? [`${names.join(', ')} ${part} for ${what} ${container.name}`] : []);
  return [...note(requests, 'request'), ...note(limits, 'limit')];
}

/** Returns what was added. A request that is left open but whose limit is given is that limit already: the API server's defaults come first. */
function merge(container: Container, part: 'requests' | 'limits', defaults: Readonly<Record<string, string>> = {}): string[] {
  const own = container.resources?.[part] ?? {};
  const added = Object.keys(defaults).filter((name) => own[name] === undefined).sort();
  if (added.length === 0) return [];
  const filled = { ...own };
  for (const name of added) filled[name] = defaults[name] as string;
  container.resources = { ...container.resources, [part]: filled };
  return added;
}
