import { z } from 'zod';

/** Keys that a controller works on at the same time. */
export const workers = z.int().min(1).max(100).optional();

/** Options that were given. */
export const given = <T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
