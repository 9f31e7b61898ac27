import { describe, expect, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { builtinKinds } from './builtin-kinds.js';
import { decodeObject } from './decode.js';
import { defineKind } from './define-kind.js';
import type { KindOf } from './define-kind.js';
import { jsonSchemaOf } from './json-schema.js';
import { Deployment } from './kinds/deployment.js';
import { Pod } from './kinds/pod.js';
import { mergeInfoAt } from './merge-keys.js';
import { KindRegistry } from './registry.js';
import { podTemplateSpec, requiredStruct } from './schemas.js';

const Game = defineKind({
  group: 'example.com',
  version: 'v1',
  kind: 'Game',
  shortNames: ['gm'],
  spec: z.object({ players: z.int().min(1).default(2), map: z.enum(['sea', 'land']), template: requiredStruct(podTemplateSpec) }),
  status: z.object({ running: z.int().optional() }),
});
type Game = KindOf<typeof Game>;

describe('defineKind', () => {
  it('gives the type of the object', () => {
    expectTypeOf<Game['spec']['players']>().toEqualTypeOf<number>();
    expectTypeOf<Game['spec']['map']>().toEqualTypeOf<'sea' | 'land'>();
    expectTypeOf<Game['status']>().toEqualTypeOf<{ running?: number | undefined } | undefined>();
  });

  it('fills in names and the status subresource', () => {
    expect(Game).toMatchObject({ apiVersion: 'example.com/v1', plural: 'games', singular: 'game', listKind: 'GameList', namespaced: true, hasStatus: true });
  });

  it('decodes with defaults, then validates with fields named', () => {
    const { object, unknown } = decodeObject(Game, { metadata: { name: 'a' }, spec: { map: 'air', players: 0, colour: 1 } });
    expect(object.spec.template).toEqual({ spec: { containers: [] } });
    expect(unknown).toEqual(['spec.colour']);
    const errors = Game.rules.validate?.(object).map(({ field, type }) => `${field} ${type}`);
    expect(errors?.sort()).toEqual(['spec.map FieldValueNotSupported', 'spec.players FieldValueInvalid']);
    expect(Game.rules.validate?.(decodeObject(Game, {}).object).map(({ field }) => field)).toEqual(['spec.map']);
  });

  it('keeps zero values of the user', () => {
    expect(decodeObject(Game, { spec: { map: 'sea', players: 0 } }).object.spec.players).toBe(0);
  });

  it('refuses malformed names', () => {
    expect(() => defineKind({ group: 'x', version: 'v1', kind: 'lower' })).toThrow(RangeError);
    expect(() => defineKind({ group: 'x', version: 'one', kind: 'Good' })).toThrow(RangeError);
  });
});

describe('KindRegistry', () => {
  it('finds kinds in every way', () => {
    const registry = new KindRegistry(builtinKinds);
    registry.add(Game);
    expect(registry.byKind('apps/v1', 'Deployment')).toBe(Deployment);
    expect(registry.byKind(Game)).toBe(Game);
    expect(registry.byResource('', 'pods')).toBe(Pod);
    for (const name of ['po', 'pods', 'Pod', 'pod']) expect(registry.resolve(name)).toBe(Pod);
    for (const name of ['gm', 'games.example.com', 'deploy.apps']) expect(registry.resolve(name)).toBeDefined();
    expect(registry.resolve('nothing')).toBeUndefined();
    expect(registry.list()).toHaveLength(builtinKinds.length + 1);
  });

  it('refuses a kind twice, and a plural twice', () => {
    const registry = new KindRegistry([Pod as never]);
    expect(() => registry.add(Pod)).toThrow('ALREADY_EXISTS');
    expect(() => registry.add({ ...Pod, kind: 'Other' })).toThrow('ALREADY_EXISTS');
    expect(registry.list()).toHaveLength(1);
  });
});

describe('schemas of kinds', () => {
  it('say how patches merge', () => {
    expect(mergeInfoAt(Pod, ['spec', 'containers'])).toMatchObject({ type: 'list', merge: { strategy: 'merge', key: 'name' } });
    expect(mergeInfoAt(Deployment, ['spec', 'template', 'spec', 'containers', 0, 'ports'])?.merge.key).toBe('containerPort');
    expect(mergeInfoAt(Deployment, ['spec', 'strategy'])?.merge.strategy).toBe('retainKeys');
    expect(mergeInfoAt(Pod, ['spec', 'tolerations'])).toMatchObject({ type: 'list', merge: {} });
    expect(mergeInfoAt(Pod, ['spec', 'nothing'])).toBeUndefined();
  });

  it('become JSON Schema with the extensions of Kubernetes', () => {
    for (const kind of [...builtinKinds, Game]) expect(jsonSchemaOf(kind as typeof Pod)).toMatchObject({ type: 'object', 'x-kubernetes-group-version-kind': [{ kind: kind.kind }] });
    const spec = (jsonSchemaOf(Pod) as { properties: { spec: { properties: { containers: unknown } } } }).properties.spec;
    expect(spec.properties.containers).toMatchObject({ type: 'array', 'x-kubernetes-patch-merge-key': 'name', 'x-kubernetes-list-type': 'map' });
  });
});
