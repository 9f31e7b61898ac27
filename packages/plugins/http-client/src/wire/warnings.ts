/** The texts of `Warning` headers (RFC 7234: `299 - "text"`, several separated by commas); those that cannot be read are left out. Pure. */
export function warningsOf(header: string | undefined): readonly string[] {
  return [...(header ?? '').matchAll(/\d{3} [^\s"]+ "((?:[^"\\]|\\.)*)"(?: "[^"]*")?/g)].map(([, text = '']) => text.replace(/\\(.)/g, '$1'));
}
