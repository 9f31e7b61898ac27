import type { ImageStatus } from '@orrery/core';

/** What is remembered of an image between looks. */
export interface ImageRecord {
  /** When it was first seen, milliseconds since the epoch; 0 when it was there before the first look. */
  readonly firstSeen: number;
  /** When a container was last seen that was made from it; 0: never. */
  readonly lastUsed: number;
}

/** The records after a look at what there is: new images come in, vanished ones go out, those in use are marked. `seenAt` is when new ones count as first seen. Pure. */
export function observeImages(records: ReadonlyMap<string, ImageRecord>, images: readonly Pick<ImageStatus, 'id'>[], inUse: ReadonlySet<string>, now: number, seenAt = now): Map<string, ImageRecord> {
  return new Map(
    images.map(({ id }) => {
      const { firstSeen = seenAt, lastUsed = 0 } = records.get(id) ?? {};
      return [id, { firstSeen, lastUsed: inUse.has(id) ? now : lastUsed }];
    }),
  );
}

/** What a collection depends on. */
export interface CollectionInput<T extends Pick<ImageStatus, 'id' | 'pinned'>> {
  readonly images: readonly T[];
  readonly records: ReadonlyMap<string, ImageRecord>;
  /** Ids of images that containers, running or not, were made from. */
  readonly inUse: ReadonlySet<string>;
  readonly now: number;
  readonly minAgeMs: number;
}

/** Which images may go, the least recently used first; among those the ones that came first (image_gc_manager imagesInEvictionOrder). Never one in use, pinned, or new. Pure. */
export function removableImages<T extends Pick<ImageStatus, 'id' | 'pinned'>>({ images, records, inUse, now, minAgeMs }: CollectionInput<T>): readonly T[] {
  const recordOf = (image: T): ImageRecord => records.get(image.id) ?? { firstSeen: now, lastUsed: 0 };
  return images
    .filter((image) => !image.pinned && !inUse.has(image.id) && recordOf(image).lastUsed < now && now - recordOf(image).firstSeen >= minAgeMs)
    .sort((a, b) => recordOf(a).lastUsed - recordOf(b).lastUsed || recordOf(a).firstSeen - recordOf(b).firstSeen || (a.id < b.id ? -1 : 1));
}

/** A file system, in bytes. */
export interface DiskSpace {
  readonly capacityBytes: number;
  /** What an ordinary user may still take. */
  readonly availableBytes: number;
}

/**
 * How many bytes of images to remove: 0 below the high threshold, else down to the low one (image_gc_manager GarbageCollect; percent in whole numbers,
 * rounded up). Pure.
 */
export function bytesToFree({ capacityBytes, availableBytes }: DiskSpace, highPercent: number, lowPercent: number): number {
  if (capacityBytes <= 0 || highPercent >= 100) return 0;
  const usedPercent = 100 - Math.floor((Math.min(availableBytes, capacityBytes) * 100) / capacityBytes);
  return usedPercent < highPercent ? 0 : Math.max(0, Math.floor((capacityBytes * (100 - lowPercent)) / 100) - availableBytes);
}
