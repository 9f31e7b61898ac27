/** A machine's name as the name of a node. */
export function nodeNameOf(host: string): string {
  return host.toLowerCase().replace(/[^a-z0-9.-]/g, '-').replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '') || 'node';
}
