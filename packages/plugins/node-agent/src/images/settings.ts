import { z } from 'zod';

const percent = z.number().int().min(0).max(100);

/** Options of the plugin for images and dead containers; names and defaults are those of the kubelet's configuration, times in seconds. */
export const imageSettingsFields = {
  /** So many pulls at once on this node; 1 is the kubelet's `serializeImagePulls`. */
  maxParallelImagePulls: z.number().int().min(1).max(100).default(4),
  /** When so much of the file system of images is taken, unused ones are removed; 100 never. */
  imageGCHighThresholdPercent: percent.default(85),
  /** Until so much is taken. */
  imageGCLowThresholdPercent: percent.default(80),
  /** No image is removed that is here for a shorter time. */
  imageMinimumGCAgeSeconds: z.number().nonnegative().default(120),
  /** No dead container is removed to make room for others that ended less long ago. */
  minimumContainerTTLSeconds: z.number().nonnegative().default(0),
  /** Dead containers kept on the whole node; -1: as many as pods keep. */
  maximumDeadContainers: z.number().int().min(-1).default(-1),
};

const schema = z.object(imageSettingsFields).refine((settings) => settings.imageGCLowThresholdPercent <= settings.imageGCHighThresholdPercent, {
  message: 'must not be above imageGCHighThresholdPercent',
  path: ['imageGCLowThresholdPercent'],
});

/** How a node handles images and dead containers. */
export type ImageSettings = z.output<typeof schema>;

/** Completes and checks settings; anything else in `given` is left aside. Throws a ZodError that names the option. */
export const imageSettings = (given: z.input<typeof schema> = {}): ImageSettings => schema.parse(given);
