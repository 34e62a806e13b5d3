// The records of live video as the hub sends them: a length, a letter, and what it names. Pure.

/** Where a fragment says when it is decoded (`tfdt`): all boxes before it are of fixed size. */
const TFDT_AT = 60;
const TICKS = 90_000;

export interface PictureRecord {
  kind: 'picture';
  keyframe: boolean;
  /** On the video's own clock. */
  mediaS: number;
  /** How old it was when it came to the hub. */
  ageMs: number;
  bytes: Uint8Array<ArrayBuffer>;
}

export type LiveRecord =
  | PictureRecord
  | { kind: 'head'; codec: string; bytes: Uint8Array<ArrayBuffer> }
  | { kind: 'quiet' }
  | { kind: 'end'; code: string; message: string };

export class Records {
  #rest = new Uint8Array(0);

  /** The records that are whole with these bytes. */
  push(bytes: Uint8Array): LiveRecord[] {
    const all = new Uint8Array(this.#rest.length + bytes.length);
    all.set(this.#rest);
    all.set(bytes, this.#rest.length);
    const found: LiveRecord[] = [];
    let at = 0;
    while (at + 4 <= all.length) {
      const length = new DataView(all.buffer).getUint32(at);
      if (at + 4 + length > all.length) break;
      const record = read(all.slice(at + 4, at + 4 + length));
      if (record) found.push(record);
      at += 4 + length;
    }
    this.#rest = all.slice(at);
    return found;
  }
}

/** One record; null where a later hub sends one that is not known here. */
function read(bytes: Uint8Array<ArrayBuffer>): LiveRecord | null {
  const view = new DataView(bytes.buffer);
  const text = (from: number, to?: number) => new TextDecoder().decode(bytes.subarray(from, to));
  switch (String.fromCharCode(bytes[0] ?? 0)) {
    case 'i': {
      const end = 2 + (bytes[1] ?? 0);
      return { kind: 'head', codec: text(2, end), bytes: bytes.slice(end) };
    }
    case 'm': {
      const media = bytes.slice(14);
      if (media.length < TFDT_AT + 8) return null;
      const mediaS = Number(new DataView(media.buffer).getBigUint64(TFDT_AT)) / TICKS;
      return { kind: 'picture', keyframe: bytes[1] === 1, mediaS, ageMs: view.getUint32(10), bytes: media };
    }
    case 'h':
      return { kind: 'quiet' };
    case 'e':
      return { kind: 'end', ...(JSON.parse(text(1)) as { code: string; message: string }) };
    default:
      return null;
  }
}
