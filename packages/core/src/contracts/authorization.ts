import { list } from '../kernel/tokens.js';
import type { PolicyRule } from '../model/kinds/rbac.js';
import type { ResourceRef, Selection, UserInfo } from './transport.js';

/** What a request wants to do. */
export interface Attributes {
  readonly user: UserInfo;
  /** Of resources: `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, and verbs that are only asked about (`impersonate`, `bind`, `escalate`, …); of other paths: the HTTP method in lower case. */
  readonly verb: string;
  /** Present for resources. A list or a watch of the one object that its field selector names has its name. */
  readonly ref?: ResourceRef;
  /** Present for other paths, e.g. `/version`. */
  readonly path?: string;
  /** What a list, a watch or a deletion of a collection is narrowed down to. */
  readonly selection?: Selection;
}

/** A decision about one request. Neither allowed nor denied: no opinion, others may allow it. */
export interface Decision {
  readonly allowed: boolean;
  /** Refused, whatever others say. */
  readonly denied?: boolean;
  /** Told to the client. */
  readonly reason?: string;
}

/** Who may do what. */
export interface Authorizer {
  /** A rejection counts as a refusal. */
  authorize(attributes: Attributes): Decision | Promise<Decision>;
  /** Tells what a user may do, where that can be listed. */
  readonly rules?: RuleResolver;
}

/** What somebody may do in one namespace, as far as it can be listed (the answer of a SelfSubjectRulesReview). */
export interface ResolvedRules {
  /** Rules for resources, and rules for other paths (those with `nonResourceURLs`). */
  readonly rules: readonly PolicyRule[];
  /** There may be more. */
  readonly incomplete: boolean;
  /** Why it is incomplete. */
  readonly error?: string;
}

/** Lists what somebody may do: for people and their tools. Decisions are never made from it. */
export interface RuleResolver {
  rulesFor(user: UserInfo, namespace: string): ResolvedRules | Promise<ResolvedRules>;
}

/**
 * Who may do what, asked in the order of the plugins: the first who allows or denies decides, and what nobody allows is refused. Only the front door asks them;
 * parts in the process may do everything.
 */
export const Authorizers = list<Authorizer>('Authorizer');

/** Several authorizers as one; they are read afresh for each decision. With none everything is refused. */
export function firstOpinion(authorizers: () => readonly Authorizer[]): Authorizer {
  return {
    authorize: async (attributes) => {
      const reasons: string[] = [];
      for (const authorizer of authorizers()) {
        const decision = await authorizer.authorize(attributes);
        if (decision.allowed || decision.denied === true) return decision;
        if (decision.reason !== undefined && decision.reason !== '') reasons.push(decision.reason);
      }
      return { allowed: false, ...(reasons.length > 0 && { reason: reasons.join(', ') }) };
    },
    rules: {
      rulesFor: async (user, namespace) => {
        const found: ResolvedRules[] = [];
        const all = authorizers();
        for (const { rules } of all) if (rules !== undefined) found.push(await rules.rulesFor(user, namespace));
        const errors = found.flatMap(({ error }) => (error === undefined ? [] : [error]));
        if (found.length < all.length) errors.push('an authorizer does not support user rule resolution');
        return {
          rules: found.flatMap(({ rules }) => rules),
          incomplete: found.length < all.length || found.some(({ incomplete }) => incomplete),
          ...(errors.length > 0 && { error: errors.join(', ') }),
        };
      },
    },
  };
}
