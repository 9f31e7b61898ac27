import type { NodeInfo, Pod, ScorePlugin } from '@orrery/core';

const MIB = 1024 * 1024;
/** Images below this are not worth a detour. */
const SMALLEST = 23 * MIB;
/** Each container counts at most this. */
const LARGEST = 1000 * MIB;

/** What the images of the cluster's nodes look like. */
interface ImageState {
  /** How many nodes have an image name. */
  readonly nodesWith: ReadonlyMap<string, number>;
  readonly totalNodes: number;
  readonly images: readonly string[];
}

/** Prefers nodes that have the pod's images already; an image counts the more, the more nodes have it, so that one node does not draw all. */
export const imageLocality: ScorePlugin<ImageState> = {
  name: 'ImageLocality',
  clusterWide: 'nodes',
  signature: (pod) => imagesOf(pod).join(),
  preScore(pod, _feasible, { nodes }) {
    const images = imagesOf(pod);
    const nodesWith = new Map<string, number>(images.map((image) => [image, 0]));
    for (const node of nodes) {
      for (const name of namesOn(node)) {
        const count = nodesWith.get(name);
        if (count !== undefined) nodesWith.set(name, count + 1);
      }
    }
    return { state: { nodesWith, totalNodes: nodes.length, images } };
  },
  score(_pod, { node }, { nodesWith, totalNodes, images }) {
    const present = node.status?.images;
    let sum = 0;
    if (present !== undefined && present.length > 0) {
      for (const image of images) {
        const found = present.find(({ names }) => names?.includes(image) === true);
        if (found !== undefined) sum += Math.trunc((found.sizeBytes ?? 0) * ((nodesWith.get(image) ?? 0) / totalNodes));
      }
    }
    const ceiling = LARGEST * images.length;
    const clamped = Math.min(Math.max(sum, SMALLEST), ceiling);
    return Math.trunc((100 * (clamped - SMALLEST)) / (ceiling - SMALLEST));
  },
};

function imagesOf({ spec }: Pod): string[] {
  return [...(spec.initContainers ?? []), ...spec.containers].map(({ image }) => withTag(image ?? ''));
}

/** An image without a tag means its latest. */
const withTag = (image: string): string => (image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image);

const namesOn = ({ node }: NodeInfo): ReadonlySet<string> => new Set((node.status?.images ?? []).flatMap(({ names }) => names ?? []));
