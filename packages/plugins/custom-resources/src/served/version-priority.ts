const STAGES = ['alpha', 'beta', undefined];

/** Which of two versions is preferred, as a comparison: v10, v2, v1, v11beta2, v10beta3, v3beta1, v12alpha1, and then all others by their names (apimachinery version.CompareKubeAwareVersionStrings). */
export function byPriority(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  if (left === undefined || right === undefined) return left !== undefined ? -1 : right !== undefined ? 1 : a < b ? -1 : a > b ? 1 : 0;
  for (let i = 0; i < left.length; i += 1) {
    const difference = (right[i] as number) - (left[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(version: string): readonly number[] | undefined {
  const [, major, stage, minor] = /^v(\d{1,9})(?:(alpha|beta)(\d{1,9}))?$/.exec(version) ?? [];
  return major === undefined ? undefined : [STAGES.indexOf(stage), Number(major), Number(minor ?? 0)];
}
