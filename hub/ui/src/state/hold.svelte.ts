// Holds a list still while somebody works in it: nothing moves under a person's eyes or fingers. What the list shows
// while held is what it showed when the first reason to hold came.
export class Hold {
  selected = $state<string | null>(null);
  hovered = $state(false);
  focused = $state(false);
  scrolled = $state(false);
  #kept = $state.raw<string[]>([]);

  readonly frozen = $derived(this.selected !== null || this.hovered || this.focused || this.scrolled);
  readonly shown = $derived.by(() => (this.frozen && this.#kept.length > 0 ? this.#kept : this.live()));

  /** `live` gives the keys as they would be drawn if nobody looked. */
  constructor(private readonly live: () => string[]) {}

  select(key: string | null): void {
    this.#keep();
    this.selected = key;
  }

  hover(on: boolean): void {
    this.#keep();
    this.hovered = on;
  }

  focus(on: boolean): void {
    this.#keep();
    this.focused = on;
  }

  scroll(away: boolean): void {
    if (away === this.scrolled) return;
    this.#keep();
    this.scrolled = away;
  }

  /** Shows what came; the list stays held on the new content. */
  refresh(): void {
    this.#kept = this.live();
  }

  clear(): void {
    this.#kept = [];
  }

  /** Must run before the reason to hold is set. */
  #keep(): void {
    if (!this.frozen) this.#kept = this.live();
  }
}
