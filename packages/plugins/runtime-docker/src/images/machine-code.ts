/** Machine code under construction: bytes, and jumps to labels that are known only when all is laid out. */
export interface Assembler {
  /** Bytes as they are. */
  emit(...bytes: readonly number[]): void;
  /** The next byte can be jumped to by this name. */
  label(name: string): void;
  /** `length` bytes made, when the layout is known, from the distance to a label in bytes; counted from the first of them. */
  toLabel(name: string, length: number, encode: (distance: number) => readonly number[]): void;
}

/** Lays out what `write` puts down. Throws RangeError for a label that is jumped to and not set. */
export function assemble(write: (assembler: Assembler) => void): Uint8Array {
  const bytes: number[] = [];
  const labels = new Map<string, number>();
  const references: { readonly at: number; readonly name: string; readonly length: number; readonly encode: (distance: number) => readonly number[] }[] = [];
  write({
    emit: (...more) => void bytes.push(...more),
    label: (name) => void labels.set(name, bytes.length),
    toLabel(name, length, encode) {
      references.push({ at: bytes.length, name, length, encode });
      bytes.push(...Array.from({ length }, () => 0));
    },
  });
  for (const { at, name, length, encode } of references) {
    const target = labels.get(name);
    if (target === undefined) throw new RangeError(`there is no label ${name}`);
    const encoded = encode(target - at);
    if (encoded.length !== length) throw new RangeError(`a reference to ${name} has ${encoded.length} bytes, not ${length}`);
    for (const [index, byte] of encoded.entries()) bytes[at + index] = byte;
  }
  return Uint8Array.from(bytes);
}

/** A number as four bytes, least significant first. */
export const word = (value: number): readonly number[] => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff];
