export { Kubectl, kubeconfig, unpackKubectl } from '@orrery/engines';
