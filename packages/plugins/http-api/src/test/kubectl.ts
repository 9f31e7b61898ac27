export { Kubectl, kubeconfig, requireKubectl, requireOldKubectl } from '@orrery/engines';
