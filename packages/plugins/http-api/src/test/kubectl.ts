export { Kubectl, kubeconfig, requireKubectl } from '@orrery/engines';
