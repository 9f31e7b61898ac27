/** Messages of core/v1: everything but pods and volumes. For the notation see `../messages.ts`. */
export const CORE = `
PodTemplate:
  1 metadata meta.ObjectMeta, 2 template PodTemplateSpec
ReplicationControllerSpec:
  1 replicas *int, 2 selector map string, 3 template *PodTemplateSpec, 4 minReadySeconds? int
ReplicationControllerStatus:
  1 replicas int, 2 fullyLabeledReplicas? int, 3 observedGeneration? int, 4 readyReplicas? int, 5 availableReplicas? int,
  6 conditions []ReplicationControllerCondition
ReplicationControllerCondition:
  1 type string, 2 status string, 3 lastTransitionTime Time, 4 reason? string, 5 message? string
ReplicationController:
  1 metadata meta.ObjectMeta, 2 spec ReplicationControllerSpec, 3 status ReplicationControllerStatus
SessionAffinityConfig:
  1 clientIP *ClientIPConfig
ClientIPConfig:
  1 timeoutSeconds *int
ServiceStatus:
  1 loadBalancer LoadBalancerStatus, 2 conditions []meta.Condition
LoadBalancerStatus:
  1 ingress []LoadBalancerIngress
LoadBalancerIngress:
  1 ip? string, 2 hostname? string, 3 ipMode *string, 4 ports []PortStatus
ServiceSpec:
  1 ports []ServicePort, 2 selector map string, 3 clusterIP? string, 4 type? string, 5 externalIPs []string, 7 sessionAffinity? string,
  8 loadBalancerIP? string, 9 loadBalancerSourceRanges []string, 10 externalName? string, 11 externalTrafficPolicy? string, 12 healthCheckNodePort? int,
  13 publishNotReadyAddresses? bool, 14 sessionAffinityConfig *SessionAffinityConfig, 17 ipFamilyPolicy *string, 18 clusterIPs []string,
  19 ipFamilies []string, 20 allocateLoadBalancerNodePorts *bool, 21 loadBalancerClass *string, 22 internalTrafficPolicy *string,
  23 trafficDistribution *string
ServicePort:
  1 name? string, 2 protocol? string, 3 port int, 4 targetPort IntOrString, 5 nodePort? int, 6 appProtocol *string
Service:
  1 metadata meta.ObjectMeta, 2 spec ServiceSpec, 3 status ServiceStatus
ServiceAccount:
  1 metadata meta.ObjectMeta, 2 secrets []ObjectReference, 3 imagePullSecrets []LocalObjectReference, 4 automountServiceAccountToken *bool
Endpoints:
  1 metadata meta.ObjectMeta, 2 subsets []EndpointSubset
EndpointSubset:
  1 addresses []EndpointAddress, 2 notReadyAddresses []EndpointAddress, 3 ports []EndpointPort
EndpointAddress:
  1 ip string, 2 targetRef *ObjectReference, 3 hostname? string, 4 nodeName *string
EndpointPort:
  1 name? string, 2 port int, 3 protocol? string, 4 appProtocol *string
NodeSpec:
  1 podCIDR? string, 2 externalID? string, 3 providerID? string, 4 unschedulable? bool, 5 taints []Taint, 6 configSource *NodeConfigSource,
  7 podCIDRs []string
NodeConfigSource:
  2 configMap *ConfigMapNodeConfigSource
ConfigMapNodeConfigSource:
  1 namespace string, 2 name string, 3 uid? string, 4 resourceVersion? string, 5 kubeletConfigKey string
DaemonEndpoint:
  1 Port int
NodeDaemonEndpoints:
  1 kubeletEndpoint DaemonEndpoint
NodeRuntimeHandlerFeatures:
  1 recursiveReadOnlyMounts *bool, 2 userNamespaces *bool
NodeRuntimeHandler:
  1 name string, 2 features *NodeRuntimeHandlerFeatures
NodeFeatures:
  1 supplementalGroupsPolicy *bool
NodeSystemInfo:
  1 machineID string, 2 systemUUID string, 3 bootID string, 4 kernelVersion string, 5 osImage string, 6 containerRuntimeVersion string,
  7 kubeletVersion string, 8 kubeProxyVersion string, 9 operatingSystem string, 10 architecture string, 11 swap *NodeSwapStatus
NodeSwapStatus:
  1 capacity *int
NodeConfigStatus:
  1 assigned *NodeConfigSource, 2 active *NodeConfigSource, 3 lastKnownGood *NodeConfigSource, 4 error? string
NodeStatus:
  1 capacity map Quantity, 2 allocatable map Quantity, 3 phase? string, 4 conditions []NodeCondition, 5 addresses []NodeAddress,
  6 daemonEndpoints NodeDaemonEndpoints, 7 nodeInfo NodeSystemInfo, 8 images []ContainerImage, 9 volumesInUse []string,
  10 volumesAttached []AttachedVolume, 11 config *NodeConfigStatus, 12 runtimeHandlers []NodeRuntimeHandler, 13 features *NodeFeatures,
  14 declaredFeatures []string
ContainerImage:
  1 names []string, 2 sizeBytes? int
NodeCondition:
  1 type string, 2 status string, 3 lastHeartbeatTime Time, 4 lastTransitionTime Time, 5 reason? string, 6 message? string
NodeAddress:
  1 type string, 2 address string
Node:
  1 metadata meta.ObjectMeta, 2 spec NodeSpec, 3 status NodeStatus
NamespaceSpec:
  1 finalizers []string
NamespaceStatus:
  1 phase? string, 2 conditions []NamespaceCondition
NamespaceCondition:
  1 type string, 2 status string, 4 lastTransitionTime Time, 5 reason? string, 6 message? string
Namespace:
  1 metadata meta.ObjectMeta, 2 spec NamespaceSpec, 3 status NamespaceStatus
Binding:
  1 metadata meta.ObjectMeta, 2 target ObjectReference
PodAttachOptions:
  1 stdin? bool, 2 stdout? bool, 3 stderr? bool, 4 tty? bool, 5 container? string
PodExecOptions:
  1 stdin? bool, 2 stdout? bool, 3 stderr? bool, 4 tty? bool, 5 container? string, 6 command []string
PodPortForwardOptions:
  1 ports []int
PodProxyOptions:
  1 path? string
NodeProxyOptions:
  1 path? string
ServiceProxyOptions:
  1 path? string
ObjectReference:
  1 kind? string, 2 namespace? string, 3 name? string, 4 uid? string, 5 apiVersion? string, 6 resourceVersion? string, 7 fieldPath? string
LocalObjectReference:
  1 name? string
TypedLocalObjectReference:
  1 apiGroup *string, 2 kind string, 3 name string
EventSource:
  1 component? string, 2 host? string
Event:
  1 metadata meta.ObjectMeta, 2 involvedObject ObjectReference, 3 reason? string, 4 message? string, 5 source EventSource, 6 firstTimestamp Time,
  7 lastTimestamp Time, 8 count? int, 9 type? string, 10 eventTime MicroTime, 11 series *EventSeries, 12 action? string, 13 related *ObjectReference,
  14 reportingComponent string, 15 reportingInstance string
EventSeries:
  1 count? int, 2 lastObservedTime MicroTime
LimitRangeItem:
  1 type string, 2 max map Quantity, 3 min map Quantity, 4 default map Quantity, 5 defaultRequest map Quantity, 6 maxLimitRequestRatio map Quantity
LimitRangeSpec:
  1 limits []LimitRangeItem
LimitRange:
  1 metadata meta.ObjectMeta, 2 spec LimitRangeSpec
ResourceQuotaSpec:
  1 hard map Quantity, 2 scopes []string, 3 scopeSelector *ScopeSelector
ScopeSelector:
  1 matchExpressions []ScopedResourceSelectorRequirement
ScopedResourceSelectorRequirement:
  1 scopeName string, 2 operator string, 3 values []string
ResourceQuotaStatus:
  1 hard map Quantity, 2 used map Quantity
ResourceQuota:
  1 metadata meta.ObjectMeta, 2 spec ResourceQuotaSpec, 3 status ResourceQuotaStatus
Secret:
  1 metadata meta.ObjectMeta, 2 data map bytes, 3 type? string, 4 stringData map string, 5 immutable *bool
ConfigMap:
  1 metadata meta.ObjectMeta, 2 data map string, 3 binaryData map bytes, 4 immutable *bool
ComponentCondition:
  1 type string, 2 status string, 3 message? string, 4 error? string
ComponentStatus:
  1 metadata meta.ObjectMeta, 2 conditions []ComponentCondition
SecurityContext:
  1 capabilities *Capabilities, 2 privileged *bool, 3 seLinuxOptions *SELinuxOptions, 4 runAsUser *int, 5 runAsNonRoot *bool,
  6 readOnlyRootFilesystem *bool, 7 allowPrivilegeEscalation *bool, 8 runAsGroup *int, 9 procMount *string,
  10 windowsOptions *WindowsSecurityContextOptions, 11 seccompProfile *SeccompProfile, 12 appArmorProfile *AppArmorProfile
SELinuxOptions:
  1 user? string, 2 role? string, 3 type? string, 4 level? string
WindowsSecurityContextOptions:
  1 gmsaCredentialSpecName *string, 2 gmsaCredentialSpec *string, 3 runAsUserName *string, 4 hostProcess *bool
Sysctl:
  1 name string, 2 value string
PortStatus:
  1 port int, 2 protocol string, 3 error *string
NodeAllocatableResourceClaimStatus:
  1 resourceClaimName string, 2 containers []string, 3 resources map Quantity
`;
