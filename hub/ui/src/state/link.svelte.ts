// Whether what this page shows is live: the feed's line and the answers to the polls, each with its age.
import { clock } from './clock.svelte';

/** Two polls may be late, and this, before the state of cameras counts as old. */
const POLL_GRACE_MS = 3000;

type FeedState = 'connecting' | 'live' | 'lost';
/** The feeds that a page may have open; each that it has must be live for the page to be live. */
export type FeedName = 'incidents' | 'events';

class Link {
  #feeds = $state<Partial<Record<FeedName, FeedState>>>({});
  readonly feed = $derived.by((): FeedState => {
    const states = Object.values(this.#feeds);
    if (states.includes('lost')) return 'lost';
    return states.length === 0 || states.includes('connecting') ? 'connecting' : 'live';
  });
  attempt = $state(0);
  /** When the line was lost, or first opened without success; hub time. */
  lostSince = $state<number | null>(null);
  feedContact = $state<number | null>(null);
  pollContact = $state<number | null>(null);
  #pollMs = $state(2000);

  /** The age of the newest sign of life, in ms. */
  readonly contactAgeMs = $derived.by(() => {
    const newest = Math.max(this.feedContact ?? 0, this.pollContact ?? 0);
    return newest === 0 ? null : Math.max(0, clock.now - newest);
  });
  readonly pollStale = $derived(this.pollContact !== null && clock.now - this.pollContact > 2 * this.#pollMs + POLL_GRACE_MS);
  readonly stale = $derived(this.feed === 'lost' || this.pollStale);
  /** Since when the page is stale. */
  readonly staleSince = $derived(this.feed === 'lost' ? this.lostSince : this.pollContact);

  reset(): void {
    this.#feeds = {};
    this.attempt = 0;
    this.lostSince = null;
    this.feedContact = null;
    this.pollContact = null;
  }

  isLive(name: FeedName): boolean {
    return this.#feeds[name] === 'live';
  }

  opening(name: FeedName): void {
    this.#feeds[name] ??= 'connecting';
  }

  closed(name: FeedName): void {
    delete this.#feeds[name];
    if (this.feed !== 'lost') this.lostSince = null;
  }

  live(name: FeedName): void {
    this.#feeds[name] = 'live';
    if (this.feed === 'lost') return;
    this.lostSince = null;
    this.attempt = 0;
  }

  lost(name: FeedName): void {
    this.#feeds[name] = 'lost';
    this.lostSince ??= this.feedContact ?? clock.now;
  }

  heard(): void {
    this.feedContact = Date.now() + clock.skewMs;
  }

  /** An answer came; the next is asked for after `nextMs`. */
  polled(nextMs: number): void {
    this.#pollMs = nextMs;
    this.pollContact = Date.now() + clock.skewMs;
  }
}

export const link = new Link();
