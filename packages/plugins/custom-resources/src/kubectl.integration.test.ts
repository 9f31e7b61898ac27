import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrchestrator, type Orchestrator, systemClock, systemRandom } from '@orrery/core';
import { Kubectl, kubeconfig, requireKubectl } from '@orrery/engines';
import { httpApi } from '@orrery/http-api';
import { CertificateAuthority } from '@orrery/pki';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { customResources } from './index.js';

// The real kubectl 1.35 with definitions and their objects.

const folder = mkdtempSync(join(tmpdir(), 'orrery-custom-resources-'));
const { missing, note, program: kubectlProgram } = requireKubectl();

const TOKEN = 'anna-has-this-token-0123456789';
let orchestrator: Orchestrator;
let kubectl: Kubectl;
beforeAll(async () => {
  if (missing) return;
  const authority = await CertificateAuthority.open({ clock: systemClock, random: systemRandom });
  const { key, cert } = await authority.issue({ subject: { commonName: 'localhost' }, usages: ['server'], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] });
  let url = '';
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), customResources(), httpApi({ port: 0, tls: { key, cert }, tokens: [{ token: TOKEN, user: 'anna' }], listening: (at) => (url = at) })] });
  await orchestrator.start();
  const trusted = { 'certificate-authority-data': Buffer.from(authority.certificate).toString('base64') };
  kubectl = new Kubectl(kubectlProgram, join(folder, 'anna'), kubeconfig(url, trusted, { token: TOKEN }));
  await kubectl.run('apply -f -', DEFINITION);
  await kubectl.run('wait --for=condition=established --timeout=10s crd/games.play.example.com');
}, 30_000);
afterAll(async () => {
  await orchestrator?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const DEFINITION = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: games.play.example.com }
spec:
  group: play.example.com
  scope: Namespaced
  names: { plural: games, kind: Game, shortNames: [gm], categories: [all, toys] }
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { status: {}, scale: { specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas, labelSelectorPath: .status.selector } }
      selectableFields: [{ jsonPath: .spec.color }]
      additionalPrinterColumns:
        - { name: Size, type: integer, jsonPath: .spec.size }
        - { name: Ready, type: string, jsonPath: '.status.conditions[?(@.type=="Ready")].status' }
        - { name: Color, type: string, jsonPath: .spec.color, priority: 1 }
      schema: &schema
        openAPIV3Schema:
          type: object
          description: A game that people play.
          required: [spec]
          properties:
            spec:
              type: object
              required: [size]
              x-kubernetes-validations:
                - { rule: self.replicas <= self.size, message: replicas must not exceed size }
                - { rule: self.color == oldSelf.color, message: the colour stays, fieldPath: .color }
              properties:
                size: { type: integer, minimum: 1, maximum: 10, description: How many can play. }
                replicas: { type: integer, default: 1 }
                color: { type: string, enum: [red, blue], default: red }
                port: { x-kubernetes-int-or-string: true }
                free: { type: object, x-kubernetes-preserve-unknown-fields: true }
                rooms:
                  type: array
                  x-kubernetes-list-type: map
                  x-kubernetes-list-map-keys: [name]
                  items: { type: object, required: [name], properties: { name: { type: string }, seats: { type: integer } } }
            status:
              type: object
              properties:
                replicas: { type: integer }
                selector: { type: string }
                conditions: { type: array, items: { type: object, properties: { type: { type: string }, status: { type: string } } } }
    - name: v2beta1
      served: true
      deprecated: true
      storage: false
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
`;
const game = (name: string, spec: string): string => `{ apiVersion: play.example.com/v1, kind: Game, metadata: { name: ${name} }, spec: ${spec} }`;

/** What a command that fails says. */
async function refused(command: string, input?: string): Promise<string> {
  const { code, err } = await kubectl.try(command.split(' '), input);
  expect([command, code]).not.toEqual([command, 0]);
  return err;
}
const read = async (command: string): Promise<any> => JSON.parse(await kubectl.run(`${command} -o json`));

describe.skipIf(missing)(`kubectl with custom resources${note}`, () => {
  it('sees the definition served: conditions, discovery, explain', async () => {
    const { status } = await read('get crd games.play.example.com');
    expect(status).toMatchObject({ acceptedNames: { plural: 'games', singular: 'game', kind: 'Game', listKind: 'GameList', shortNames: ['gm'] }, storedVersions: ['v1'] });
    expect(status.conditions).toMatchObject([
      { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts' },
      { type: 'Established', status: 'True', reason: 'InitialNamesAccepted' },
    ]);
    expect(await kubectl.run('api-resources --api-group=play.example.com')).toMatch(/games\s+gm\s+play\.example\.com\/v1\s+true\s+Game/);
    expect(await kubectl.run('explain games.spec')).toMatch(/size\s+<integer> -required-[\s\S]*How many can play\./);
    expect(await kubectl.run('get crd')).toMatch(/^games\.play\.example\.com\s+\d{4}-\d\d-\d\dT/m);
  });

  it('creates, reads, applies and patches objects', async () => {
    await kubectl.run('apply -f -', game('chess', '{ size: 2, free: { a: { b: 1 } }, port: http }'));
    expect(await kubectl.run('apply -f -', game('chess', '{ size: 2, free: { a: { b: 1 } }, port: http }'))).toContain('unchanged');
    expect(await read('get gm chess')).toMatchObject({ apiVersion: 'play.example.com/v1', metadata: { generation: 1 }, spec: { size: 2, replicas: 1, color: 'red', free: { a: { b: 1 } }, port: 'http' } });
    await kubectl.run('apply -f -', game('chess', '{ size: 3 }'));
    const { spec, metadata } = await read('get game chess');
    expect([spec, metadata.generation]).toEqual([{ size: 3, replicas: 1, color: 'red' }, 2]);
    await kubectl.try(['patch', 'game', 'chess', '--subresource=status', '--type=merge', '-p', '{"status":{"replicas":1,"conditions":[{"type":"Ready","status":"True"}]},"spec":{"size":9}}']);
    expect(await kubectl.run('get gm')).toMatch(/^NAME\s+SIZE\s+READY\nchess\s+3\s+True\n$/);
    expect(await kubectl.run('get toys -o wide')).toMatch(/^NAME\s+SIZE\s+READY\s+COLOR\nchess\s+3\s+True\s+red\n$/);
    expect(await kubectl.run('get game chess -o jsonpath={.metadata.generation}')).toBe('2');
    const strategic = await kubectl.try(['patch', 'game', 'chess', '-p', '{"spec":{"size":4}}']);
    expect(strategic.err).toMatch(/application\/json-patch\+json|UnsupportedMediaType|unsupported media type/i);
    expect((await kubectl.try(['patch', 'game', 'chess', '--type=json', '-p', '[{"op":"replace","path":"/spec/size","value":4}]'])).code).toBe(0);
    expect(await kubectl.run('scale game chess --replicas=3')).toContain('scaled');
    expect(await kubectl.run('get games --field-selector=spec.color=red -o name')).toBe('game.play.example.com/chess\n');
    expect(await kubectl.run('get games --field-selector=spec.color=blue -o name')).toBe('');
    const old = await kubectl.try(['get', 'games.v2beta1.play.example.com', 'chess', '-o', 'jsonpath={.spec.replicas}']);
    expect([old.out, old.err.trim()]).toEqual(['3', 'Warning: play.example.com/v2beta1 Game is deprecated']);
  });

  it('says what is wrong with an object in the words of Kubernetes', async () => {
    expect(await refused('create -f -', game('bad', '{ size: 99 }'))).toContain('spec.size: Invalid value: 99: spec.size in body should be less than or equal to 10');
    expect(await refused('create -f -', game('bad', '{}'))).toContain('spec.size: Required value');
    expect(await refused('create -f -', game('bad', '{ size: "5" }'))).toContain('spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"');
    expect(await refused('create -f -', game('bad', '{ size: 1, replicas: 5 }'))).toContain('spec: Invalid value: "object": replicas must not exceed size');
    expect(await refused('create -f -', game('bad', '{ size: 1, color: green }'))).toContain('spec.color: Unsupported value: "green": supported values: "red", "blue"');
    expect(await refused('create -f -', game('bad', '{ size: 1, sizee: 2 }'))).toContain('unknown field "spec.sizee"');
    await kubectl.run('apply -f -', game('go', '{ size: 2, color: blue }'));
    expect(await refused('apply -f -', game('go', '{ size: 2, color: red }'))).toContain('spec.color: Invalid value: "object": the colour stays');
  });

  it('applies on the server: items by their keys, conflicts told', async () => {
    const rooms = (seats: number): string => game('hall', `{ size: 5, rooms: [{ name: a, seats: ${seats} }] }`);
    await kubectl.run('apply --server-side --field-manager=one -f -', rooms(1));
    await kubectl.run('apply --server-side --field-manager=two -f -', game('hall', '{ size: 5, rooms: [{ name: b, seats: 2 }] }'));
    expect((await read('get game hall')).spec.rooms).toEqual([{ name: 'a', seats: 1 }, { name: 'b', seats: 2 }]);
    expect(await refused('apply --server-side --field-manager=two -f -', rooms(7))).toContain('conflict with "one": .spec.rooms[name="a"].seats');
  });

  it('follows the definition, and takes the objects with it', async () => {
    expect(await refused('apply -f -', DEFINITION.replace('self.replicas <= self.size', 'self.replicas.frobnicate()'))).toContain('spec.versions[0].schema.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule: Invalid value');
    await kubectl.run('apply -f -', DEFINITION.replace('port: {', 'level: { type: string, default: easy }\n                port: {').replace('maximum: 10', 'maximum: 20'));
    await expect.poll(async () => (await read('get games')).items.every(({ spec }: { spec: { level?: string } }) => spec.level === 'easy'), { timeout: 5_000 }).toBe(true);
    await kubectl.run('apply -f -', game('big', '{ size: 15, level: hard }'));
    expect(await kubectl.run('explain games.spec.level')).toContain('FIELD: level <string>');
    expect(await kubectl.run('delete crd games.play.example.com --timeout=10s')).toContain('deleted');
    expect(await refused('get games')).toMatch(/doesn't have a resource type|could not find the requested resource/);
    await kubectl.run('apply -f -', DEFINITION);
    await kubectl.run('wait --for=condition=established --timeout=10s crd/games.play.example.com');
    expect((await read('get games')).items).toEqual([]);
  });
});
