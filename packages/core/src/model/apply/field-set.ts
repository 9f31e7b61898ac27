import type { MergeNode } from '../merge-keys.js';
import type { PathElement } from './path-element.js';

/** A set of fields as JSON (metav1.FieldsV1). */
export interface FieldsV1 {
  readonly [element: string]: FieldsV1;
}

/**
 * A set of paths into an object (structured-merge-diff fieldpath.Set): at each place the elements that are in the set themselves, and the sets of what is below.
 * Values: operations give new sets, {@link FieldSet.insert} alone changes one.
 */
export class FieldSet {
  readonly members = new Set<PathElement>();
  readonly children = new Map<PathElement, FieldSet>();

  get empty(): boolean {
    return this.members.size === 0 && [...this.children.values()].every((child) => child.empty);
  }

  /** Puts a path in; the root itself cannot be. */
  insert(path: readonly PathElement[]): void {
    const last = path.at(-1);
    if (last === undefined) return;
    let at: FieldSet = this;
    for (const element of path.slice(0, -1)) {
      let child = at.children.get(element);
      if (child === undefined) at.children.set(element, (child = new FieldSet()));
      at = child;
    }
    at.members.add(last);
  }

  /** What is below an element. */
  below(element: PathElement): FieldSet | undefined {
    return this.children.get(element);
  }

  union(other: FieldSet): FieldSet {
    const all = new FieldSet();
    for (const { members } of [this, other]) for (const member of members) all.members.add(member);
    for (const element of new Set([...this.children.keys(), ...other.children.keys()])) {
      const [mine, theirs] = [this.children.get(element), other.children.get(element)];
      all.children.set(element, mine !== undefined && theirs !== undefined ? mine.union(theirs) : ((mine ?? theirs) as FieldSet));
    }
    return all;
  }

  intersection(other: FieldSet): FieldSet {
    const both = new FieldSet();
    for (const member of this.members) if (other.members.has(member)) both.members.add(member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      const common = theirs === undefined ? undefined : child.intersection(theirs);
      if (common !== undefined && !common.empty) both.children.set(element, common);
    }
    return both;
  }

  /** Without the paths of the other set. */
  difference(other: FieldSet): FieldSet {
    const rest = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) rest.members.add(member);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      const left = theirs === undefined ? child : child.difference(theirs);
      if (!left.empty) rest.children.set(element, left);
    }
    return rest;
  }

  /** Without the paths of the other set and everything below them. */
  without(other: FieldSet): FieldSet {
    const rest = new FieldSet();
    for (const member of this.members) if (!other.members.has(member)) rest.members.add(member);
    for (const [element, child] of this.children) {
      if (other.members.has(element)) continue;
      const theirs = other.children.get(element);
      const left = theirs === undefined ? child : child.without(theirs);
      if (!left.empty) rest.children.set(element, left);
    }
    return rest;
  }

  /** With every field of a struct in it below which something is (EnsureNamedFieldsAreMembers): a field goes with what is in it. */
  withNamedFields(node: MergeNode | undefined): FieldSet {
    const set = new FieldSet();
    for (const member of this.members) set.members.add(member);
    for (const [element, child] of this.children) {
      const below = node?.child(element.slice(2));
      if (node?.type === 'object' && element.startsWith('f:') && below !== undefined) set.members.add(element);
      set.children.set(element, child.withNamedFields(below));
    }
    return set;
  }

  /** Every path, parents before what is below. */
  *paths(prefix: readonly PathElement[] = []): Generator<readonly PathElement[]> {
    for (const member of this.members) yield [...prefix, member];
    for (const [element, child] of this.children) yield* child.paths([...prefix, element]);
  }

  /** As managedFields keep it. */
  toFieldsV1(): FieldsV1 {
    const out: Record<string, FieldsV1> = {};
    for (const member of this.members) out[member] = {};
    for (const [element, child] of this.children) {
      if (child.empty) continue;
      out[element] = this.members.has(element) ? { '.': {}, ...child.toFieldsV1() } : child.toFieldsV1();
    }
    return out;
  }

  /** From managedFields. What is not of their form is left out: they may come from a client. */
  static fromFieldsV1(fields: unknown, depth = 0): FieldSet {
    const set = new FieldSet();
    if (typeof fields !== 'object' || fields === null || depth > 200) return set;
    for (const [element, below] of Object.entries(fields)) {
      if (!/^[fkvi]:/.test(element)) continue;
      const child = FieldSet.fromFieldsV1(below, depth + 1);
      const isMember = child.empty || Object.hasOwn(below as object, '.');
      if (isMember) set.members.add(element);
      if (!child.empty) set.children.set(element, child);
    }
    return set;
  }

  /** A set of whole paths, written as field names. */
  static of(...paths: readonly (readonly string[])[]): FieldSet {
    const set = new FieldSet();
    for (const path of paths) set.insert(path.map((name) => `f:${name}`));
    return set;
  }
}
