// Looking for words in what a row says. A row's text is made once and kept as long as the row and the labels are the same:
// who types into the filter asks thousands of rows with each letter. Pure.

export function wordsOf(text: string): string[] {
  return text.trim().toLowerCase().split(/\s+/).filter(Boolean);
}

export function hasAll(haystack: string, words: readonly string[]): boolean {
  return words.every((word) => haystack.includes(word));
}

/** Texts by row; they go when their row goes. */
export class Haystacks<Row extends object> {
  readonly #texts = new WeakMap<Row, { stamp: string; text: string }>();

  of(row: Row, stamp: string, make: () => string): string {
    const known = this.#texts.get(row);
    if (known?.stamp === stamp) return known.text;
    const text = make().toLowerCase();
    this.#texts.set(row, { stamp, text });
    return text;
  }
}
