/** Messages of node.k8s.io/v1. For the notation see `../messages.ts`. */
export const NODE = `
RuntimeClass:
  1 metadata meta.ObjectMeta, 2 handler string, 3 overhead *Overhead, 4 scheduling *Scheduling
Overhead:
  1 podFixed map Quantity
Scheduling:
  1 nodeSelector map string, 2 tolerations []core.Toleration
`;
