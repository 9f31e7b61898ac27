import { describe, expect, it } from 'vitest';
import { deepFreeze } from '../json.js';
import type { Node } from '../kinds/node.js';
import { applyNodeDefaults } from './core.js';

const node = (capacity: Record<string, string>): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec: {}, status: { capacity } }) as Node;

describe('defaults of nodes', () => {
  it('takes all there is as allocatable, in whole thousandths', () => {
    const draft = node({ cpu: '1500001u', memory: '1Gi' });
    applyNodeDefaults(draft);
    expect(draft.status).toMatchObject({ capacity: { cpu: '1501m', memory: '1Gi' }, allocatable: { cpu: '1501m', memory: '1Gi' } });
  });

  it('leaves a frozen status alone that went through it before', () => {
    const draft = node({ cpu: '1500001u', memory: '1Gi' });
    applyNodeDefaults(draft);
    deepFreeze(draft.status);
    expect(() => applyNodeDefaults(draft)).not.toThrow();
  });
});
