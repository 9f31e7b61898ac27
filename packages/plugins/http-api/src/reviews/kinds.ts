import { defineKind, type KindDefinition, schemas } from '@orrery/core';

const { anyObject, flag, list, mapOf, struct, text } = schemas;

// What is asked and answered in one request, and never stored (authorization.k8s.io/v1, authentication.k8s.io/v1).

const requirement = struct({ key: text.default(''), operator: text.default(''), values: list(text).optional() });
const selector = struct({ rawSelector: text.optional(), requirements: list(requirement).optional() });
const resourceAttributes = struct({
  namespace: text.optional(),
  verb: text.optional(),
  group: text.optional(),
  version: text.optional(),
  resource: text.optional(),
  subresource: text.optional(),
  name: text.optional(),
  fieldSelector: selector.optional(),
  labelSelector: selector.optional(),
});
const nonResourceAttributes = struct({ path: text.optional(), verb: text.optional() });
const asked = { resourceAttributes: resourceAttributes.optional(), nonResourceAttributes: nonResourceAttributes.optional() };
const whose = { user: text.optional(), groups: list(text).optional(), extra: mapOf(list(text)).optional(), uid: text.optional() };
const decision = struct({ allowed: flag.default(false), denied: flag.optional(), reason: text.optional(), evaluationError: text.optional() });
const rule = { verbs: list(text).default([]) };
const userInfo = struct({ username: text.optional(), uid: text.optional(), groups: list(text).optional(), extra: mapOf(list(text)).optional() });

const authorization = { group: 'authorization.k8s.io', version: 'v1' } as const;
const authentication = { group: 'authentication.k8s.io', version: 'v1' } as const;

/** May I? */
export const SelfSubjectAccessReview = defineKind({ ...authorization, kind: 'SelfSubjectAccessReview', namespaced: false, spec: struct(asked), status: decision });
/** May somebody else? */
export const SubjectAccessReview = defineKind({ ...authorization, kind: 'SubjectAccessReview', namespaced: false, spec: struct({ ...asked, ...whose }), status: decision });
/** May somebody else, in this namespace? */
export const LocalSubjectAccessReview = defineKind({ ...authorization, kind: 'LocalSubjectAccessReview', spec: struct({ ...asked, ...whose }), status: decision });
/** What may I do in a namespace? */
export const SelfSubjectRulesReview = defineKind({
  ...authorization,
  kind: 'SelfSubjectRulesReview',
  namespaced: false,
  spec: struct({ namespace: text.optional() }),
  status: struct({
    resourceRules: list(struct({ ...rule, apiGroups: list(text).optional(), resources: list(text).optional(), resourceNames: list(text).optional() })).default([]),
    nonResourceRules: list(struct({ ...rule, nonResourceURLs: list(text).optional() })).default([]),
    incomplete: flag.default(false),
    evaluationError: text.optional(),
  }),
});
/** Who am I? */
export const SelfSubjectReview = defineKind({ ...authentication, kind: 'SelfSubjectReview', namespaced: false, spec: anyObject.optional(), status: struct({ userInfo: userInfo.optional() }) });
/** Whose token is this? */
export const TokenReview = defineKind({
  ...authentication,
  kind: 'TokenReview',
  namespaced: false,
  spec: struct({ token: text.optional(), audiences: list(text).optional() }),
  status: struct({ authenticated: flag.optional(), user: userInfo.optional(), audiences: list(text).optional(), error: text.optional() }),
});

/** All of them. They are only ever created. */
export const reviewKinds = [SelfSubjectAccessReview, SubjectAccessReview, LocalSubjectAccessReview, SelfSubjectRulesReview, SelfSubjectReview, TokenReview] as readonly unknown[] as readonly KindDefinition[];

const KINDS: ReadonlySet<unknown> = new Set(reviewKinds);
/** Whether objects of a kind are answered at once and never stored. */
export const isReview = (kind: KindDefinition): boolean => KINDS.has(kind);
