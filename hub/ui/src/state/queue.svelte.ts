// The event queue: the fold of `lib/fold.ts` made visible, with filters and with freezing, so that nothing moves under
// a person's eyes or fingers.
import { api } from '../api/client';
import type { HubEvent, Severity } from '../api/types';
import { Fold, ROWS_MAX, severityRank, type Row } from '../lib/fold';
import { Beat } from '../lib/beat';
import { isActive, matcher, type Filter } from '../lib/filter';
import { registry } from './registry.svelte';

const PAGE_EVENTS = 500;
export const PULSES_MAX = 50;

export interface Pulse {
  camera: string;
  severity: Severity;
  /** By this computer's clock (`performance.now`). */
  atMs: number;
}

export const EMPTY_FILTER: Filter = { department: '', kind: '', camera: '', severity: 'low', text: '' };

class Queue {
  filter = $state<Filter>({ ...EMPTY_FILTER });
  selectedKey = $state<string | null>(null);
  hovered = $state(false);
  focused = $state(false);
  scrolled = $state(false);
  loaded = $state(false);
  loadingOlder = $state(false);
  /** Null where the hub has nothing older. */
  olderCursor = $state<string | null>(null);
  pulses = $state.raw<Pulse[]>([]);
  /** New live rows and how many of them are urgent since the last announcement. */
  arrivals = $state.raw({ count: 0, urgent: 0 });

  #fold = new Fold();
  #version = $state(0);
  #buffer: HubEvent[] = [];
  readonly #beat = new Beat(() => this.#flush());
  #shownWhileFrozen = $state.raw<string[]>([]);
  #kept: Row | undefined;

  readonly frozen = $derived(this.selectedKey !== null || this.hovered || this.focused || this.scrolled);
  readonly matching = $derived.by((): Row[] => {
    void this.#version;
    const filter = { ...this.filter };
    // Most of the time nothing is filtered: thousands of rows are not asked with each flush then.
    return isActive(filter) ? this.#fold.order.filter(matcher(filter, registry)) : [...this.#fold.order];
  });
  /** The keys to draw, newest first. */
  readonly shown = $derived.by((): string[] => {
    if (!this.frozen || this.#shownWhileFrozen.length === 0) return this.matching.map((row) => row.key);
    void this.#version;
    return this.#shownWhileFrozen.filter((key) => this.#fold.get(key) !== undefined || key === this.selectedKey);
  });
  /** What came since the list froze. */
  readonly pending = $derived.by(() => {
    if (!this.frozen || this.shown.length === this.matching.length) return { count: 0, urgent: 0 };
    const shown = new Set(this.shown);
    const fresh = this.matching.filter((row) => !shown.has(row.key));
    return { count: fresh.length, urgent: fresh.filter((row) => row.severity === 'urgent').length };
  });
  readonly total = $derived.by(() => {
    void this.#version;
    return this.#fold.order.length;
  });
  /** Events that began and did not end, by camera, with the highest severity. */
  readonly openByCamera = $derived.by(() => {
    const open = new Map<string, { count: number; severity: Severity }>();
    void this.#version;
    for (const row of this.#fold.order) {
      const camera = row.latest.camera;
      if (!camera || !isOpen(row) || row.latest.kind.startsWith('camera.')) continue;
      const old = open.get(camera);
      const severity = old && severityRank(old.severity) > severityRank(row.severity) ? old.severity : row.severity;
      open.set(camera, { count: (old?.count ?? 0) + 1, severity });
    }
    return open;
  });
  /** When the oldest loaded row happened. */
  readonly oldestMs = $derived.by(() => {
    void this.#version;
    return this.#fold.order.at(-1)?.timeMs ?? null;
  });

  row(key: string): Row | undefined {
    void this.#version;
    return this.#fold.get(key) ?? (this.#kept?.key === key ? this.#kept : undefined);
  }

  rows(): readonly Row[] {
    void this.#version;
    return this.#fold.order;
  }

  /** An event from the feed. */
  arrived(event: HubEvent): void {
    registry.expectKind(event.kind);
    this.#buffer.push(event);
    this.#beat.arrived();
  }

  /** Loads the newest page; what the feed brings meanwhile is merged by id. */
  async load(): Promise<void> {
    const page = await api.events({ limit: PAGE_EVENTS });
    for (const event of page.events) this.#fold.add(event);
    this.olderCursor = page.next;
    this.loaded = true;
    this.#version += 1;
  }

  async loadOlder(): Promise<void> {
    if (!this.olderCursor || this.loadingOlder || this.total >= ROWS_MAX) return;
    this.loadingOlder = true;
    try {
      const oldest = this.oldestMs ?? Infinity;
      const page = await api.events({ limit: PAGE_EVENTS, cursor: this.olderCursor });
      for (const event of page.events) this.#fold.add(event);
      this.olderCursor = page.next;
      this.#version += 1;
      if (this.frozen) {
        const shown = new Set(this.shown);
        const older = this.matching.filter((row) => row.timeMs <= oldest && !shown.has(row.key));
        this.#shownWhileFrozen = [...this.shown, ...older.map((row) => row.key)];
      }
    } finally {
      this.loadingOlder = false;
    }
  }

  /** Empties the queue, for a hub that could not resume or a person who leaves. */
  clear(): void {
    this.#beat.stop();
    this.#buffer = [];
    this.#kept = this.selectedKey === null ? undefined : this.row(this.selectedKey);
    this.#fold.clear();
    this.#shownWhileFrozen = [];
    this.olderCursor = null;
    this.loaded = false;
    this.pulses = [];
    this.#version += 1;
  }

  /** Puts one event into the list that is not there, e.g. from a link. */
  adopt(event: HubEvent): void {
    this.#fold.add(event);
    this.#version += 1;
  }

  select(key: string | null): void {
    this.#freeze();
    this.selectedKey = key;
    this.#kept = key === null ? undefined : this.row(key);
  }

  hover(on: boolean): void {
    this.#freeze();
    this.hovered = on;
  }

  focus(on: boolean): void {
    this.#freeze();
    this.focused = on;
  }

  scroll(away: boolean): void {
    if (away === this.scrolled) return;
    this.#freeze();
    this.scrolled = away;
  }

  /** Shows what came; the list stays frozen on the new content. */
  refresh(): void {
    this.#shownWhileFrozen = this.matching.map((row) => row.key);
  }

  setFilter(change: Partial<Filter>): void {
    Object.assign(this.filter, change);
    this.refresh();
  }

  takeArrivals(): { count: number; urgent: number } {
    const arrivals = this.arrivals;
    this.arrivals = { count: 0, urgent: 0 };
    return arrivals;
  }

  /** Must run before the reason to freeze is set: it keeps what is on the screen at that moment. */
  #freeze(): void {
    if (!this.frozen) this.#shownWhileFrozen = this.matching.map((row) => row.key);
  }

  #flush(): void {
    const events = this.#buffer;
    this.#buffer = [];
    const atMs = performance.now();
    const pulses: Pulse[] = [];
    let { count, urgent } = this.arrivals;
    for (const event of events) {
      const { fresh, newRow } = this.#fold.add(event);
      if (!fresh || !newRow) continue;
      count += 1;
      if (event.severity === 'urgent') urgent += 1;
      if (event.camera && !event.backfilled) pulses.push({ camera: event.camera, severity: event.severity, atMs });
    }
    this.arrivals = { count, urgent };
    if (pulses.length > 0) this.pulses = [...this.pulses, ...pulses].slice(-PULSES_MAX);
    this.#version += 1;
  }
}

/** Whether a row still goes on; a momentary kind never does. */
export function isOpen(row: Row): boolean {
  return row.end === null && registry.kinds.get(row.latest.kind)?.momentary === false;
}

export const queue = new Queue();
