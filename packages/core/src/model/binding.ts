/** Annotation of a Binding made by the node itself, which says that the pod runs there already: its former binding was lost with history of the store. */
export const RUNS_HERE = 'orrery.dev/runs-here';
