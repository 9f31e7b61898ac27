import { everything, type KubeObject, type LabelMatcher, labelMatcher, type LabelSelector, nothing } from '@orrery/core';

const known = new WeakMap<object, LabelMatcher>();

/**
 * The matcher of an object's `spec.selector`, made once per version of the object. One that does not parse, and one that would select everything,
 * selects nothing: a controller must not take over all pods of a namespace by accident.
 */
export function selectorOf(object: KubeObject & { readonly spec: { readonly selector: LabelSelector | undefined } }): LabelMatcher {
  const found = known.get(object);
  if (found !== undefined) return found;
  const matcher = parsed(object.spec.selector);
  known.set(object, matcher);
  return matcher;
}

function parsed(selector: LabelSelector | undefined): LabelMatcher {
  try {
    const matcher = labelMatcher(selector);
    return matcher === everything || matcher.empty ? nothing : matcher;
  } catch (error) {
    if (error instanceof RangeError) return nothing;
    throw error;
  }
}
