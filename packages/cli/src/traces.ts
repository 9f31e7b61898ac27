import type { Plugin } from '@orrery/core';
import { z } from 'zod';

/** Where traces go. */
export const otlpEndpoint = z.url({ protocol: /^https?$/, error: 'must be http://HOST:PORT or https://HOST:PORT' });

/** What passes traces on, where that is wanted. */
export async function tracesOf({ otlpEndpoint: endpoint, otlpRatio: ratio }: { readonly otlpEndpoint?: string | undefined; readonly otlpRatio: number }): Promise<Plugin[]> {
  return endpoint === undefined ? [] : [(await import('@orrery/opentelemetry')).openTelemetry({ endpoint, ratio })];
}
