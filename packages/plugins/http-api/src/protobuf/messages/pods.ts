/** Messages of core/v1: pods. For the notation see `../messages.ts`. */
export const PODS = `
ContainerPort:
  1 name? string, 2 hostPort? int, 3 containerPort int, 4 protocol? string, 5 hostIP? string
VolumeMount:
  1 name string, 2 readOnly? bool, 3 mountPath string, 4 subPath? string, 5 mountPropagation *string, 6 subPathExpr? string, 7 recursiveReadOnly *string
VolumeDevice:
  1 name string, 2 devicePath string
EnvVar:
  1 name string, 2 value? string, 3 valueFrom *EnvVarSource
EnvVarSource:
  1 fieldRef *ObjectFieldSelector, 2 resourceFieldRef *ResourceFieldSelector, 3 configMapKeyRef *ConfigMapKeySelector,
  4 secretKeyRef *SecretKeySelector, 5 fileKeyRef *FileKeySelector
FileKeySelector:
  1 volumeName string, 2 path string, 3 key string, 4 optional *bool
ObjectFieldSelector:
  1 apiVersion? string, 2 fieldPath string
ResourceFieldSelector:
  1 containerName? string, 2 resource string, 3 divisor Quantity
ConfigMapKeySelector:
  1 inline LocalObjectReference, 2 key string, 3 optional *bool
SecretKeySelector:
  1 inline LocalObjectReference, 2 key string, 3 optional *bool
EnvFromSource:
  1 prefix? string, 2 configMapRef *ConfigMapEnvSource, 3 secretRef *SecretEnvSource
ConfigMapEnvSource:
  1 inline LocalObjectReference, 2 optional *bool
SecretEnvSource:
  1 inline LocalObjectReference, 2 optional *bool
HTTPHeader:
  1 name string, 2 value string
HTTPGetAction:
  1 path? string, 2 port IntOrString, 3 host? string, 4 scheme? string, 5 httpHeaders []HTTPHeader
TCPSocketAction:
  1 port IntOrString, 2 host? string
GRPCAction:
  1 port int, 2 service *string
ExecAction:
  1 command []string
SleepAction:
  1 seconds int
Probe:
  1 inline ProbeHandler, 2 initialDelaySeconds? int, 3 timeoutSeconds? int, 4 periodSeconds? int, 5 successThreshold? int, 6 failureThreshold? int,
  7 terminationGracePeriodSeconds *int
ContainerResizePolicy:
  1 resourceName string, 2 restartPolicy string
Capabilities:
  1 add []string, 2 drop []string
ResourceRequirements:
  1 limits map Quantity, 2 requests map Quantity, 3 claims []ResourceClaim
ResourceClaim:
  1 name string, 2 request? string
Container:
  1 name string, 2 image? string, 3 command []string, 4 args []string, 5 workingDir? string, 6 ports []ContainerPort, 7 env []EnvVar,
  8 resources ResourceRequirements, 9 volumeMounts []VolumeMount, 10 livenessProbe *Probe, 11 readinessProbe *Probe, 12 lifecycle *Lifecycle,
  13 terminationMessagePath? string, 14 imagePullPolicy? string, 15 securityContext *SecurityContext, 16 stdin? bool, 17 stdinOnce? bool, 18 tty? bool,
  19 envFrom []EnvFromSource, 20 terminationMessagePolicy? string, 21 volumeDevices []VolumeDevice, 22 startupProbe *Probe,
  23 resizePolicy []ContainerResizePolicy, 24 restartPolicy *string, 25 restartPolicyRules []ContainerRestartRule
ProbeHandler:
  1 exec *ExecAction, 2 httpGet *HTTPGetAction, 3 tcpSocket *TCPSocketAction, 4 grpc *GRPCAction
LifecycleHandler:
  1 exec *ExecAction, 2 httpGet *HTTPGetAction, 3 tcpSocket *TCPSocketAction, 4 sleep *SleepAction
Lifecycle:
  1 postStart *LifecycleHandler, 2 preStop *LifecycleHandler, 3 stopSignal *string
ContainerStateWaiting:
  1 reason? string, 2 message? string
ContainerStateRunning:
  1 startedAt Time
ContainerStateTerminated:
  1 exitCode int, 2 signal? int, 3 reason? string, 4 message? string, 5 startedAt Time, 6 finishedAt Time, 7 containerID? string
ContainerState:
  1 waiting *ContainerStateWaiting, 2 running *ContainerStateRunning, 3 terminated *ContainerStateTerminated
ContainerStatus:
  1 name string, 2 state ContainerState, 3 lastState ContainerState, 4 ready bool, 5 restartCount int, 6 image string, 7 imageID string,
  8 containerID? string, 9 started *bool, 10 allocatedResources map Quantity, 11 resources *ResourceRequirements, 12 volumeMounts []VolumeMountStatus,
  13 user *ContainerUser, 14 allocatedResourcesStatus []ResourceStatus, 15 stopSignal *string
ResourceStatus:
  1 name string, 2 resources []ResourceHealth
ResourceHealth:
  1 resourceID string, 2 health? string, 6 message *string
ContainerUser:
  1 linux *LinuxContainerUser
LinuxContainerUser:
  1 uid int, 2 gid int, 3 supplementalGroups []int
PodCondition:
  1 type string, 2 status string, 3 lastProbeTime Time, 4 lastTransitionTime Time, 5 reason? string, 6 message? string, 7 observedGeneration? int
VolumeMountStatus:
  1 name string, 2 mountPath string, 3 readOnly? bool, 4 recursiveReadOnly *string, 5 volumeStatus *VolumeStatus
ContainerRestartRule:
  1 action? string, 2 exitCodes *ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes:
  1 operator? string, 2 values []int
NodeSelector:
  1 nodeSelectorTerms []NodeSelectorTerm
NodeSelectorTerm:
  1 matchExpressions []NodeSelectorRequirement, 2 matchFields []NodeSelectorRequirement
NodeSelectorRequirement:
  1 key string, 2 operator string, 3 values []string
TopologySelectorTerm:
  1 matchLabelExpressions []TopologySelectorLabelRequirement
TopologySelectorLabelRequirement:
  1 key string, 2 values []string
Affinity:
  1 nodeAffinity *NodeAffinity, 2 podAffinity *PodAffinity, 3 podAntiAffinity *PodAntiAffinity
PodAffinity:
  1 requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm, 2 preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm
PodAntiAffinity:
  1 requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm, 2 preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm
WeightedPodAffinityTerm:
  1 weight int, 2 podAffinityTerm PodAffinityTerm
PodAffinityTerm:
  1 labelSelector *meta.LabelSelector, 2 namespaces []string, 3 topologyKey string, 4 namespaceSelector *meta.LabelSelector, 5 matchLabelKeys []string,
  6 mismatchLabelKeys []string
NodeAffinity:
  1 requiredDuringSchedulingIgnoredDuringExecution *NodeSelector, 2 preferredDuringSchedulingIgnoredDuringExecution []PreferredSchedulingTerm
PreferredSchedulingTerm:
  1 weight int, 2 preference NodeSelectorTerm
Taint:
  1 key string, 2 value? string, 3 effect string, 4 timeAdded *Time
Toleration:
  1 key? string, 2 operator? string, 3 value? string, 4 effect? string, 5 tolerationSeconds *int
PodReadinessGate:
  1 conditionType string
PodSpec:
  1 volumes []Volume, 2 containers []Container, 3 restartPolicy? string, 4 terminationGracePeriodSeconds *int, 5 activeDeadlineSeconds *int,
  6 dnsPolicy? string, 7 nodeSelector map string, 8 serviceAccountName? string, 9 serviceAccount? string, 10 nodeName? string, 11 hostNetwork? bool,
  12 hostPID? bool, 13 hostIPC? bool, 14 securityContext *PodSecurityContext, 15 imagePullSecrets []LocalObjectReference, 16 hostname? string,
  17 subdomain? string, 18 affinity *Affinity, 19 schedulerName? string, 20 initContainers []Container, 21 automountServiceAccountToken *bool,
  22 tolerations []Toleration, 23 hostAliases []HostAlias, 24 priorityClassName? string, 25 priority *int, 26 dnsConfig *PodDNSConfig,
  27 shareProcessNamespace *bool, 28 readinessGates []PodReadinessGate, 29 runtimeClassName *string, 30 enableServiceLinks *bool,
  31 preemptionPolicy *string, 32 overhead map Quantity, 33 topologySpreadConstraints []TopologySpreadConstraint,
  34 ephemeralContainers []EphemeralContainer, 35 setHostnameAsFQDN *bool, 36 os *PodOS, 37 hostUsers *bool, 38 schedulingGates []PodSchedulingGate,
  39 resourceClaims []PodResourceClaim, 40 resources *ResourceRequirements, 41 hostnameOverride *string, 43 schedulingGroup *PodSchedulingGroup
PodResourceClaim:
  1 name string, 3 resourceClaimName *string, 4 resourceClaimTemplateName *string
PodResourceClaimStatus:
  1 name string, 2 resourceClaimName *string
PodExtendedResourceClaimStatus:
  1 requestMappings []ContainerExtendedResourceRequest, 2 resourceClaimName string
ContainerExtendedResourceRequest:
  1 containerName string, 2 resourceName string, 3 requestName string
PodOS:
  1 name string
PodSchedulingGate:
  1 name string
PodSchedulingGroup:
  1 podGroupName *string
TopologySpreadConstraint:
  1 maxSkew int, 2 topologyKey string, 3 whenUnsatisfiable string, 4 labelSelector *meta.LabelSelector, 5 minDomains *int, 6 nodeAffinityPolicy *string,
  7 nodeTaintsPolicy *string, 8 matchLabelKeys []string
HostAlias:
  1 ip string, 2 hostnames []string
PodSecurityContext:
  1 seLinuxOptions *SELinuxOptions, 2 runAsUser *int, 3 runAsNonRoot *bool, 4 supplementalGroups []int, 5 fsGroup *int, 6 runAsGroup *int,
  7 sysctls []Sysctl, 8 windowsOptions *WindowsSecurityContextOptions, 9 fsGroupChangePolicy *string, 10 seccompProfile *SeccompProfile,
  11 appArmorProfile *AppArmorProfile, 12 supplementalGroupsPolicy *string, 13 seLinuxChangePolicy *string
SeccompProfile:
  1 type string, 2 localhostProfile *string
AppArmorProfile:
  1 type string, 2 localhostProfile *string
PodDNSConfig:
  1 nameservers []string, 2 searches []string, 3 options []PodDNSConfigOption
PodDNSConfigOption:
  1 name? string, 2 value *string
PodIP:
  1 ip string
HostIP:
  1 ip string
EphemeralContainerCommon:
  1 name string, 2 image? string, 3 command []string, 4 args []string, 5 workingDir? string, 6 ports []ContainerPort, 7 env []EnvVar,
  8 resources ResourceRequirements, 9 volumeMounts []VolumeMount, 10 livenessProbe *Probe, 11 readinessProbe *Probe, 12 lifecycle *Lifecycle,
  13 terminationMessagePath? string, 14 imagePullPolicy? string, 15 securityContext *SecurityContext, 16 stdin? bool, 17 stdinOnce? bool, 18 tty? bool,
  19 envFrom []EnvFromSource, 20 terminationMessagePolicy? string, 21 volumeDevices []VolumeDevice, 22 startupProbe *Probe,
  23 resizePolicy []ContainerResizePolicy, 24 restartPolicy *string, 25 restartPolicyRules []ContainerRestartRule
EphemeralContainer:
  1 inline EphemeralContainerCommon, 2 targetContainerName? string
PodStatus:
  1 phase? string, 2 conditions []PodCondition, 3 message? string, 4 reason? string, 5 hostIP? string, 6 podIP? string, 7 startTime *Time,
  8 containerStatuses []ContainerStatus, 9 qosClass? string, 10 initContainerStatuses []ContainerStatus, 11 nominatedNodeName? string,
  12 podIPs []PodIP, 13 ephemeralContainerStatuses []ContainerStatus, 14 resize? string, 15 resourceClaimStatuses []PodResourceClaimStatus,
  16 hostIPs []HostIP, 17 observedGeneration? int, 18 extendedResourceClaimStatus *PodExtendedResourceClaimStatus, 19 allocatedResources map Quantity,
  20 resources *ResourceRequirements, 21 nodeAllocatableResourceClaimStatuses []NodeAllocatableResourceClaimStatus
Pod:
  1 metadata meta.ObjectMeta, 2 spec PodSpec, 3 status PodStatus
PodTemplateSpec:
  1 metadata meta.ObjectMeta, 2 spec PodSpec
`;
