/** Messages of scheduling.k8s.io/v1. For the notation see `../messages.ts`. */
export const SCHEDULING = `
PriorityClass:
  1 metadata meta.ObjectMeta, 2 value int, 3 globalDefault? bool, 4 description? string, 5 preemptionPolicy *string
`;
