// How often the map may draw by itself. Each picture holds up the whole page until it is there, and without a graphics card
// that is long: the map takes a tenth of the time at most, and says so where it draws less often than usual.

/** Between two drawings of what changes by itself, where drawing costs little; and the most. */
const WAIT_MS = { least: 500, most: 5000 } as const;
/** The share of the time that drawing may take. */
const SHARE = 0.1;
/** A picture that takes longer is one on which a hand that moves the map would wait. */
const SLOW_MS = 80;
/** How much a new measurement counts beside the earlier ones. */
const NEWEST = 0.4;

export class Pace {
  #costMs = 0;
  #measuring = false;

  /** A picture was handed over to be drawn: it is there when the browser asks for the one after the next. */
  handed(): void {
    if (this.#measuring || document.visibilityState === 'hidden') return;
    this.#measuring = true;
    const fromMs = performance.now();
    requestAnimationFrame(() => requestAnimationFrame(() => {
      this.#measuring = false;
      this.#costMs += NEWEST * (performance.now() - fromMs - this.#costMs);
    }));
  }

  /** How long the next drawing of what changes by itself has to wait. */
  get waitMs(): number {
    return Math.min(WAIT_MS.most, Math.max(WAIT_MS.least, this.#costMs / SHARE));
  }

  get slow(): boolean {
    return this.#costMs > SLOW_MS;
  }

  /** True where what is new is shown later than a person expects of a live map. */
  get late(): boolean {
    return this.waitMs > 2 * WAIT_MS.least;
  }
}
