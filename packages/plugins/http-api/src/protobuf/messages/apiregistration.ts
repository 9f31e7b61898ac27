/** Messages of apiregistration.k8s.io/v1. For the notation see `../messages.ts`. */
export const APIREGISTRATION = `
APIService:
  1 metadata meta.ObjectMeta, 2 spec APIServiceSpec, 3 status APIServiceStatus
ServiceReference:
  1 namespace? string, 2 name? string, 3 port *int
APIServiceSpec:
  1 service *ServiceReference, 2 group? string, 3 version? string, 4 insecureSkipTLSVerify? bool, 5 caBundle bytes,
  7 groupPriorityMinimum int, 8 versionPriority int
APIServiceStatus:
  1 conditions []APIServiceCondition
APIServiceCondition:
  1 type string, 2 status string, 3 lastTransitionTime Time, 4 reason? string, 5 message? string
`;
