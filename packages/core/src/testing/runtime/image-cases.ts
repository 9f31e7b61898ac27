import { check } from '../suite.js';
import { claims, containerConfig, never, type RuntimeCase, sandboxConfig, startPod } from './context.js';

/** An image that no registry has: the name ends in the reserved domain. */
const NO_IMAGE = 'registry.invalid/no/such:image';
const MALFORMED = 'UPPER CASE//:::';

/** Images, where containers come from them. */
export const imageCases: readonly RuntimeCase[] = [
  {
    name: 'an image that is present is told by name and by id, and is in the list',
    needs: claims('images'),
    async run(context) {
      const { runtime } = context;
      const { image } = containerConfig(context, { kind: 'sleep' });
      const byName = await runtime.imageStatus(image, never);
      if (byName === undefined) throw new Error(`The context's image ${image} is not present.`);
      check.equal((await runtime.imageStatus(byName.id, never))?.id, byName.id, 'It is found by its id.');
      const listed = (await runtime.listImages(never)).find(({ id }) => id === byName.id);
      check.equal([listed?.id, (listed?.sizeBytes ?? 0) > 0], [byName.id, true], 'It is in the list, with its size.');
      const { id } = await startPod(context, 'one', { kind: 'sleep' });
      check.equal((await runtime.containerStatus(id, never)).imageId, byName.id, 'A container tells the image that it runs.');
      await check.rejects('CONFLICT', runtime.removeImage(byName.id, never), 'removing an image in use');
      check.that(((await runtime.imageFilesystem(never))?.usedBytes ?? 0) > 0, 'The space that images take is known.');
    },
  },
  {
    name: 'an image that is not there is IMAGE_UNAVAILABLE, and a name that is none is INVALID',
    needs: claims('images'),
    async run(context) {
      const { runtime } = context;
      const sandbox = await runtime.runSandbox(sandboxConfig('one'), never);
      await check.rejects('IMAGE_UNAVAILABLE', runtime.createContainer(sandbox.id, { ...containerConfig(context, { kind: 'sleep' }), image: NO_IMAGE }, never), 'a container of it');
      check.equal(await runtime.imageStatus(NO_IMAGE, never), undefined, 'It is not told as present.');
      await check.rejects('INVALID', runtime.imageStatus(MALFORMED, never), 'asking for a malformed name');
      await check.rejects('INVALID', runtime.pullImage(MALFORMED, never), 'pulling a malformed name');
      await runtime.removeImage(NO_IMAGE, never);
      check.equal((await runtime.listContainers(never)).length, 0, 'No half-made container is left.');
    },
  },
];
