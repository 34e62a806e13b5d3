// When what arrives is shown: the first at once, what follows together and soon, and less often where showing it takes long,
// so that a flood costs no more than a trickle and a trickle waits for nothing.

/** Between two showings: the least, where showing is cheap, and the most that anybody waits for it. */
const BEAT_MS = { least: 40, most: 100 } as const;
/** The share of the time that showing may take before it is shown less often. */
const SHARE = 0.25;
/** How much a new measurement counts beside the earlier ones. */
const NEWEST = 0.3;

export class Beat {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #shownMs = -Infinity;
  #costMs = 0;

  constructor(private readonly show: () => void) {}

  /** Something came: it is shown with whatever else comes until then. */
  arrived(): void {
    this.#timer ??= setTimeout(() => this.#beat(), Math.max(0, this.#shownMs + this.everyMs - performance.now()));
  }

  /** Nothing that came is shown any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  get everyMs(): number {
    return Math.min(BEAT_MS.most, Math.max(BEAT_MS.least, this.#costMs / SHARE));
  }

  #beat(): void {
    this.#timer = undefined;
    const fromMs = performance.now();
    this.#shownMs = fromMs;
    this.show();
    // The page is brought up to date in a microtask that was queued before this one.
    queueMicrotask(() => (this.#costMs += NEWEST * (performance.now() - fromMs - this.#costMs)));
  }
}
