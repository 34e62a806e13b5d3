// The files of a tar archive as the hub makes them: a header of 512 bytes, the content, padding. Pure.

const BLOCK = 512;
const NAME = { from: 0, to: 100 };
const SIZE = { from: 124, to: 136 };

/** The files by name; those that are not whole are left out. */
export function untar(bytes: Uint8Array<ArrayBuffer>): Map<string, Uint8Array<ArrayBuffer>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  const text = (at: number, { from, to }: { from: number; to: number }) =>
    new TextDecoder().decode(bytes.subarray(at + from, at + to)).replace(/\0.*$/s, '').trim();
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const name = text(at, NAME);
    const size = parseInt(text(at, SIZE), 8);
    // Two empty blocks end it.
    if (name === '' || !Number.isFinite(size)) break;
    const content = bytes.slice(at + BLOCK, at + BLOCK + size);
    if (content.length === size) files.set(name, content);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}
