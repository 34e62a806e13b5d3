// How often the map may draw by itself. Each picture holds up the whole page until it is there, and without a graphics card
// that is long: the map takes a tenth of the time at most, and says so where it draws less often than usual. One change is
// several pictures, one for each tile that has been laid out anew: what they cost together counts.

/** Between two drawings of what changes by itself, where drawing costs little; and the most. */
const WAIT_MS = { least: 500, most: 5000 } as const;
/** The share of the time that drawing may take. */
const SHARE = 0.1;
/** A picture that takes longer is one on which a hand that moves the map would wait. */
const SLOW_MS = 80;
/** How much a new measurement counts beside the earlier ones. */
const NEWEST = 0.4;

export class Pace {
  #pictureMs = 0;
  #drawingMs = 0;
  #sinceMs = 0;
  #measuring = false;

  /** A new drawing begins: what the pictures since the last one took is what a drawing takes. */
  drawn(): void {
    if (this.#sinceMs > 0) this.#drawingMs += NEWEST * (this.#sinceMs - this.#drawingMs);
    this.#sinceMs = 0;
  }

  /** A picture was handed over to be drawn: it is there when the browser asks for the one after the next. */
  handed(): void {
    // What is handed over meanwhile is drawn within the same time.
    if (this.#measuring || document.visibilityState === 'hidden') return;
    this.#measuring = true;
    const fromMs = performance.now();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      this.#measuring = false;
      const tookMs = performance.now() - fromMs;
      this.#sinceMs += tookMs;
      this.#pictureMs += NEWEST * (tookMs - this.#pictureMs);
    }));
  }

  /** How long after the last drawing the next one of what changes by itself may come. */
  get waitMs(): number {
    return Math.min(WAIT_MS.most, Math.max(WAIT_MS.least, Math.max(this.#drawingMs, this.#sinceMs) / SHARE));
  }

  get slow(): boolean {
    return this.#pictureMs > SLOW_MS;
  }

  /** True where what is new is shown later than a person expects of a live map. */
  get late(): boolean {
    return this.waitMs > 2 * WAIT_MS.least;
  }
}
