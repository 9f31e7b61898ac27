import { Admissions, ApiError, createOrchestrator, definePlugin, type Orchestrator, Pod } from '@orrery/core';
import { memoryStore } from '@orrery/store-memory';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { httpApi } from './index.js';

// Admission by functions of one's own, over HTTP. The guide docs/guides/own-admission.md shows this code.

const TOKEN = 'a-token-for-tests-0123456789';

const pinnedImages = definePlugin({
  name: 'pinned-images',
  setup: ({ add }) =>
    add(Admissions, {
      name: 'PinnedImages',
      handles: ({ operation, ref }) => operation !== 'DELETE' && ref.resource === 'pods' && ref.subresource === undefined,
      mutate: ({ object }) => {
        const { metadata } = object as Pod;
        metadata.labels = { ...metadata.labels, 'images.example.com/checked': 'true' };
      },
      validate: ({ object, warn }) => {
        const { metadata, spec } = object as Pod;
        for (const { name, image = '' } of spec.containers) {
          if (image.endsWith(':latest')) throw new ApiError('Forbidden', `pods "${metadata.name}" is forbidden: container "${name}" must not use ${image}`);
          if (!image.includes('@sha256:')) warn(`container "${name}": ${image} is not pinned by a digest`);
        }
      },
    }),
});

let orchestrator: Orchestrator;
let url = '';
beforeAll(async () => {
  orchestrator = await createOrchestrator({ plugins: [memoryStore(), pinnedImages(), httpApi({ port: 0, tokens: [{ token: TOKEN, user: 'anna' }], listening: (at) => (url = at) })] });
  await orchestrator.start();
});
afterAll(() => orchestrator.stop());

const pod = (image: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image }] } }) as unknown as Pod;
const post = async (image: string) => {
  const answer = await fetch(`${url}/api/v1/namespaces/default/pods`, { method: 'POST', body: JSON.stringify(pod(image)), headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' } });
  return { code: answer.status, warning: answer.headers.get('warning'), body: (await answer.json()) as { readonly reason?: string; readonly message?: string; readonly metadata: Pod['metadata'] } };
};

describe('a function of one’s own', () => {
  it('refuses, with its reason, who asks over HTTP and who asks in the process', async () => {
    const message = 'pods "p" is forbidden: container "c" must not use web:latest';
    expect(await post('web:latest')).toMatchObject({ code: 403, body: { reason: 'Forbidden', message } });
    await expect(orchestrator.client.kind(Pod).create(pod('web:latest'))).rejects.toMatchObject({ code: 403, reason: 'Forbidden', message });
  });

  it('changes objects, and its warnings arrive as headers', async () => {
    const { code, warning, body } = await post('web:1');
    expect([code, warning]).toEqual([201, '299 - "container \\"c\\": web:1 is not pinned by a digest"']);
    expect(body.metadata.labels).toEqual({ 'images.example.com/checked': 'true' });
  });
});
