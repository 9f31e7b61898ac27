import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kubectl, requireKubectl } from '@orrery/engines';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Runs } from './test/runs.js';

// What the real kubectl 1.35 shows of everything that `orrery up` serves.

const folder = mkdtempSync(join(tmpdir(), 'orrery-show-'));
const { missing, note, program } = requireKubectl();
const runs = new Runs(folder);
const kubectl = new Kubectl(program, join(folder, 'home'), join(folder, 'kubeconfig'));
/** A file of this test. */
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o755 });
  return join(folder, name);
};
const read = async (command: string): Promise<any> => JSON.parse(await kubectl.run(`${command} -o json`));

/** One of each kind that has a description of its own, beside those that there are by themselves. */
const OBJECTS = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec: { replicas: 3, selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: main, image: "web:1", ports: [{ name: http, containerPort: 8080 }] }] } } }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: db }
spec:
  serviceName: db
  selector: { matchLabels: { app: db } }
  template: { metadata: { labels: { app: db } }, spec: { containers: [{ name: main, image: "db:1" }] } }
  volumeClaimTemplates: [{ metadata: { name: data }, spec: { accessModes: [ReadWriteOnce], storageClassName: slow, resources: { requests: { storage: 1Gi } } } }]
---
apiVersion: apps/v1
kind: DaemonSet
metadata: { name: agent }
spec:
  selector: { matchLabels: { app: agent } }
  template:
    metadata: { labels: { app: agent } }
    spec:
      containers:
        - name: main
          image: "agent:1"
          livenessProbe: { httpGet: { path: /, port: 80 } }
          env: [{ name: WHERE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }, { name: KEY, valueFrom: { secretKeyRef: { name: keys, key: k, optional: true } } }]
          volumeMounts: [{ name: scratch, mountPath: /scratch }]
      volumes: [{ name: scratch, emptyDir: {} }]
---
{ apiVersion: batch/v1, kind: Job, metadata: { name: once }, spec: { template: { spec: { restartPolicy: Never, containers: [{ name: main, image: "work:1" }] } } } }
---
{ apiVersion: batch/v1, kind: CronJob, metadata: { name: nightly }, spec: { schedule: 0 3 * * *, jobTemplate: { spec: { template: { spec: { restartPolicy: Never, containers: [{ name: main, image: "work:1" }] } } } } } }
---
{ apiVersion: v1, kind: Service, metadata: { name: web }, spec: { selector: { app: web }, ports: [{ port: 80, targetPort: http }] } }
---
{ apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: { name: web }, spec: { scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }, minReplicas: 3, maxReplicas: 5, metrics: [{ type: Resource, resource: { name: cpu, target: { type: Utilization, averageUtilization: 50 } } }] } }
---
{ apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: { name: web }, spec: { minAvailable: 2, selector: { matchLabels: { app: web } } } }
---
{ apiVersion: v1, kind: LimitRange, metadata: { name: most }, spec: { limits: [{ type: PersistentVolumeClaim, max: { storage: 5Gi } }] } }
---
{ apiVersion: v1, kind: ResourceQuota, metadata: { name: most }, spec: { hard: { pods: "100" } } }
---
{ apiVersion: v1, kind: PersistentVolume, metadata: { name: disk }, spec: { capacity: { storage: 1Gi }, accessModes: [ReadWriteOnce], hostPath: { path: /none }, storageClassName: by-hand } }
---
{ apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: { name: fast }, provisioner: example.com/none, reclaimPolicy: Retain }
---
{ apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: { name: closed }, spec: { podSelector: {}, ingress: [{ from: [{ podSelector: { matchLabels: { a: b } } }], ports: [{ port: 80 }] }] } }
---
{ apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: { name: door }, spec: { controller: example.com/door } }
---
{ apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: { name: web }, spec: { ingressClassName: door, tls: [{ hosts: [a.example.com], secretName: pair }], rules: [{ host: a.example.com, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] } }] } }
---
{ apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: { name: quick }, handler: quick }
---
{ apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: { name: first }, value: 1000, description: comes first }
---
{ apiVersion: v1, kind: Secret, metadata: { name: keys }, stringData: { k: hunter2 } }
---
{ apiVersion: v1, kind: ConfigMap, metadata: { name: settings }, data: { colour: red } }
---
{ apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: { name: reader }, rules: [{ apiGroups: [""], resources: [pods], verbs: [get] }] }
---
{ apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: { name: readers }, roleRef: { kind: Role, name: reader, apiGroup: rbac.authorization.k8s.io }, subjects: [{ kind: User, name: anna, apiGroup: rbac.authorization.k8s.io }] }
---
{ apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: { name: leader }, spec: { holderIdentity: me } }
---
{ apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: { name: nobody }, webhooks: [] }
---
{ apiVersion: admissionregistration.k8s.io/v1, kind: MutatingWebhookConfiguration, metadata: { name: nobody }, webhooks: [] }
---
{ apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: { name: games.play.example.com }, spec: { group: play.example.com, scope: Namespaced, names: { plural: games, singular: game, kind: Game }, versions: [{ name: v1, served: true, storage: true, schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } } }] } }
`;

beforeAll(async () => {
  if (missing) return;
  Runs.check();
  const server = runs.orrery(['up', '--listen', '127.0.0.1:0', '--store', 'memory', '--runtime', 'simulated', '--nodes', '2', '--data', join(folder, 'data'), '--kubeconfig', join(folder, 'kubeconfig'), '--log', 'error']);
  await server.said(/kubectl get nodes/);
  await kubectl.run('apply -f -', OBJECTS);
  await kubectl.run('wait --for=condition=Established crd/games.play.example.com --timeout=10s');
  await kubectl.run('create -f -', '{ apiVersion: play.example.com/v1, kind: Game, metadata: { name: chess }, rounds: [1, 2] }');
  await kubectl.run('rollout status deployment/web --timeout=20s');
  await kubectl.run('wait --for=jsonpath={.status.numberReady}=2 daemonset/agent --timeout=20s');
}, 60_000);
afterAll(async () => {
  await runs.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(missing)(`kubectl describe${note}`, () => {
  /** What must be told of an object, in this order. */
  const TOLD: Readonly<Record<string, RegExp>> = {
    'deployment web': /Selector: +app=web[^]*Replicas: +3 desired \| 3 updated \| 3 total \| 3 available[^]*StrategyType: +RollingUpdate[^]*Pod Template:[^]*Conditions:[^]*NewReplicaSet: +web-\w+ \(3\/3 replicas created\)[^]*ScalingReplicaSet/,
    'replicaset -l app=web': /Controlled By: +Deployment\/web[^]*Pods Status: +3 Running[^]*SuccessfulCreate/,
    'pod -l app=agent': /Node: +vm-\d[^]*Controlled By: +DaemonSet\/agent[^]*Liveness: +http-get[^]*WHERE: +\(v1:spec.nodeName\)[^]*KEY: +<set to the key 'k' in secret 'keys'> +Optional: true[^]*\/scratch from scratch[^]*EmptyDir[^]*QoS Class: +BestEffort[^]*Tolerations:[^]*Successfully assigned/,
    'statefulset db': /Update Strategy: +RollingUpdate[^]*Volume Claims:[^]*Name: +data[^]*StorageClass: +slow[^]*SuccessfulCreate/,
    'daemonset agent': /Desired Number of Nodes Scheduled: 2[^]*Pods Status: +2 Running[^]*SuccessfulCreate/,
    'job once': /Completions: +1[^]*Completion Mode: +NonIndexed[^]*Pods Statuses:[^]*SuccessfulCreate/,
    'cronjob nightly': /Schedule: +0 3 \* \* \*[^]*Concurrency Policy: +Allow[^]*Pod Template:/,
    'service web': /Type: +ClusterIP[^]*TargetPort: +http\/TCP\nEndpoints: +\d+\.\d+\.\d+\.\d+:8080/,
    'endpoints web': /Subsets:\n +Addresses: +\d+\.[^]*8080 +TCP[^]*Warning: v1 Endpoints is deprecated/,
    'endpointslice -l kubernetes.io/service-name=web': /AddressType: +IPv4[^]*8080 +TCP[^]*TargetRef: +Pod\/web-/,
    'hpa web': /Reference: +Deployment\/web[^]*resource cpu on pods[^]*Min replicas: +3[^]*Conditions:[^]*AbleToScale/,
    'pdb web': /Min available: +2[^]*Allowed disruptions: +1[^]*Total: +3/,
    'limits most': /PersistentVolumeClaim +storage +- +5Gi/,
    'quota most': /pods +\d+ +100/,
    'pv disk': /Finalizers: +\[kubernetes.io\/pv-protection\][^]*Reclaim Policy: +Retain[^]*HostPath/,
    'pvc data-db-0': /Status: +Pending[^]*Used By: +db-0[^]*ProvisioningFailed/,
    'storageclass fast': /Provisioner: +example.com\/none[^]*ReclaimPolicy: +Retain/,
    'networkpolicy closed': /Allowing ingress traffic:[^]*PodSelector: a=b[^]*Policy Types: Ingress/,
    'ingressclass door': /Controller: +example.com\/door/,
    'ingress web': /Ingress Class: +door[^]*pair terminates a.example.com[^]*web:80 \(\d+\.[\d.]+:8080/,
    'runtimeclass quick': /Handler: +quick/,
    'priorityclass first': /Value: +1000[^]*Description: +comes first/,
    'secret keys': /Type: +Opaque[^]*k: +7 bytes/,
    'configmap settings': /colour:\n-+\nred/,
    'serviceaccount default': /Name: +default/,
    'role reader': /pods +\[\] +\[\] +\[get\]/,
    'rolebinding readers': /Role:\n +Kind: +Role\n +Name: +reader[^]*User +anna/,
    'clusterrole view': /Resources +Non-Resource URLs +Resource Names +Verbs/,
    'clusterrolebinding cluster-admin': /Group +system:masters/,
    'namespace default': /Status: +Active[^]*Resource Quotas[^]*Resource Limits/,
    'node vm-1': /Lease:[^]*Conditions:[^]*Ready +True[^]*Capacity:[^]*System Info:[^]*Non-terminated Pods:[^]*Allocated resources:/,
    'lease leader': /Holder Identity: +me/,
    'crd games.play.example.com': /Kind: +CustomResourceDefinition[^]*Established/,
    'game chess': /Kind: +Game[^]*Rounds:/,
  };

  it('tells of every kind what there is to tell', async () => {
    for (const [what, told] of Object.entries(TOLD)) expect(await kubectl.run(`describe ${what}`), what).toMatch(told);
  });

  it('of everything there is at once fails nowhere', async () => {
    const kinds = (await kubectl.run('api-resources --verbs=list -o name')).trim().split('\n').filter((kind) => kind !== 'events');
    expect(kinds.length).toBeGreaterThan(35);
    const { code, err } = await kubectl.try(['describe', kinds.filter((kind) => !kind.endsWith('metrics.k8s.io')).join(','), '-A']);
    expect({ code, err: err.replace(/^Warning: v1 Endpoints is deprecated.*\n/gm, '') }).toEqual({ code: 0, err: '' });
  });
});

describe.skipIf(missing)(`kubectl get${note}`, () => {
  it('in every form', async () => {
    const get = (form: string, what = 'deployments'): Promise<string> => kubectl.try(['get', what, '-o', form]).then(({ out }) => out);
    expect(await get('wide')).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nweb +3\/3 +3 +3 +\S+ +main +web:1 +app=web\n$/);
    expect(await get('name')).toBe('deployment.apps/web\n');
    expect(await get('yaml', 'deployment/web')).toMatch(/^apiVersion: apps\/v1\nkind: Deployment\n/);
    expect(await get('kyaml', 'deployment/web')).toContain('kind: "Deployment",');
    expect(JSON.parse(await get('json'))).toMatchObject({ kind: 'List', items: [{ kind: 'Deployment' }] });
    expect(await get('jsonpath={.items[*].metadata.name}')).toBe('web');
    expect(JSON.parse(await get('jsonpath-as-json={.items[*].spec.replicas}'))).toEqual([3]);
    expect(await get(`jsonpath-file=${file('path', '{.items[0].metadata.name}')}`)).toContain('web');
    expect(await get('go-template={{range .items}}{{.metadata.name}}={{.spec.replicas}}{{end}}')).toBe('web=3');
    expect(await get(`go-template-file=${file('template', '{{len .items}}')}`)).toBe('1');
    expect(await get('custom-columns=NAME:.metadata.name,IMAGE:.spec.template.spec.containers[0].image')).toMatch(/^NAME +IMAGE\nweb +web:1\n$/);
    expect(await get(`custom-columns-file=${file('columns', 'NAME REPLICAS\n.metadata.name .spec.replicas\n')}`)).toMatch(/^NAME +REPLICAS\nweb +3\n$/);
  });

  it('what is chosen, in order, in pieces, with labels, kinds and fields', async () => {
    expect((await kubectl.run('get pods -l app=web,app!=db --field-selector=status.phase=Running -o name --chunk-size=1')).trim().split('\n')).toHaveLength(3);
    const names = (await kubectl.run('get pods --sort-by={.metadata.name} --no-headers -o custom-columns=N:.metadata.name')).trim().split('\n');
    expect(names).toEqual([...names].sort());
    expect(await kubectl.run('get pods -l app -L app --show-labels')).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE +APP +LABELS\n[^]*web +app=web,pod-template-hash=/);
    expect(await kubectl.run('get deployment/web service/web')).toMatch(/deployment.apps\/web +3\/3[^]*service\/web +ClusterIP/);
    expect(await kubectl.run('get deployments --show-kind --no-headers')).toMatch(/^deployment.apps\/web +3\/3/);
    expect(await kubectl.run('get deployments --server-print=false')).toMatch(/^NAME +AGE\nweb/);
    expect(await kubectl.run('get pods none --ignore-not-found')).toBe('');
    expect(await kubectl.run('get all -A')).toMatch(/pod\/db-0[^]*service\/web[^]*daemonset.apps\/agent[^]*deployment.apps\/web[^]*replicaset.apps\/web-[^]*statefulset.apps\/db[^]*cronjob.batch\/nightly[^]*job.batch\/once/);
    expect(await kubectl.run('get endpoints web')).toMatch(/^NAME +ENDPOINTS +AGE\nweb +[\d.]+:8080,[^]*Warning: v1 Endpoints is deprecated in v1.33\+; use discovery.k8s.io\/v1 EndpointSlice\n$/);
    expect(await kubectl.run('get deployment web --subresource=scale')).toMatch(/^NAME +DESIRED +AVAILABLE +AGE\nweb +3 +3 +/);
    expect(await kubectl.run('get deployment web --subresource=status -o jsonpath={.status.replicas}')).toBe('3');
    expect((await read('get deployment web --show-managed-fields')).metadata.managedFields).not.toEqual([]);
    expect(await kubectl.run('get -f - -o name', OBJECTS)).toContain('runtimeclass.node.k8s.io/quick\n');
  });

  it('by paths', async () => {
    expect(JSON.parse(await kubectl.run('get --raw /api/v1/namespaces/default/pods?limit=1')).metadata.continue).toEqual(expect.any(String));
    expect(await kubectl.run('get --raw /livez?verbose')).toContain('livez check passed');
    expect(await kubectl.run('cluster-info')).toMatch(/Kubernetes control plane.* is running at .*https:\/\/127\.0\.0\.1:\d+/);
    expect((await kubectl.try(['__complete', 'get', 'deployment', 'we'])).out).toMatch(/^web\n/);
  });

  it('events, by object and by type', async () => {
    expect(await kubectl.run('get events --field-selector=involvedObject.name=db-0,reason=FailedScheduling')).toMatch(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\S+ +Warning +FailedScheduling +pod\/db-0 +/);
    expect(await kubectl.run('events --for deployment/web')).toMatch(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE\n\S+[^]* Normal +ScalingReplicaSet +Deployment\/web +Scaled up replica set web-\w+ from 0 to 3/);
    expect(await kubectl.run('events --types=Warning')).not.toMatch(/ Normal /);
  });

  it('explains kinds, with all their fields', async () => {
    expect(await kubectl.run('explain pods --recursive')).toMatch(/KIND: +Pod[^]*\n    containers\t<\[\]Object>[^]*\n      imagePullPolicy\t<string>\n/);
    expect(await kubectl.run('explain hpa.spec --api-version=autoscaling/v2')).toMatch(/GROUP: +autoscaling\nKIND: +HorizontalPodAutoscaler\nVERSION: +v2[^]*maxReplicas\t<integer>/);
    expect(await kubectl.run('explain deployments --output=plaintext-openapiv2')).toMatch(/KIND: +Deployment\nVERSION: +apps\/v1/);
    expect((await kubectl.try(['explain', 'pods.spec.nothing'])).err).toContain('field "nothing" does not exist');
    expect(await kubectl.run('api-resources --namespaced=false --verbs=watch -o name')).toContain('customresourcedefinitions.apiextensions.k8s.io\n');
    expect(await kubectl.run('api-resources --categories=all -o name')).toContain('cronjobs.batch\n');
  });
});
