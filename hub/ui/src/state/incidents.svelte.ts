// The incidents in view as the hub last told them, and the queue made of them. Only the newest state of each is kept;
// which is newer the hub's `change` says, whatever way it came.
import { ApiError } from '../api/client';
import { incidentsApi } from '../api/incidents';
import type { Incident } from '../api/incident-types';
import type { Role, Severity } from '../api/types';
import { Beat } from '../lib/beat';
import { SEVERITIES } from '../lib/fold';
import { compare, inGroups, isTold, isUnacknowledged, passer, queryOf, sumsOf, surplus, type IncidentFilter, type QueueView } from '../lib/incident-order';
import { prefs } from './prefs.svelte';
import { Hold } from './hold.svelte';
import { load } from './load.svelte';
import { PULSES_MAX, type Pulse } from './queue.svelte';
import { registry } from './registry.svelte';

const PAGE_INCIDENTS = 500;
/** Kept in the page; those that are longest done go first, then the least urgent. The hub has them all, and tells how many. */
const INCIDENTS_MAX = 5000;
/** So many are let go at once, because finding them sorts them all. */
const TRIMMED = 250;

export const EMPTY_INCIDENT_FILTER: IncidentFilter = {
  view: 'open', department: '', kind: '', camera: '', severity: 'low', text: '', order: 'urgent',
};

export interface Arrival {
  id: string;
  severity: Severity;
}

class Incidents {
  /** Null until the hub has answered; false where it has no incidents (an older hub). */
  available = $state<boolean | null>(null);
  loaded = $state(false);
  filter = $state<IncidentFilter>({ ...EMPTY_INCIDENT_FILTER });
  /** Chosen together for one action. */
  marked = $state.raw<ReadonlySet<string>>(new Set());
  me = $state('');
  /** What this person is: some are told when a deadline passed. */
  role = $state<Role | null>(null);
  /** What came with the newest flush and waits for somebody: for sound and announcements. */
  batch = $state.raw<Arrival[]>([]);
  pulses = $state.raw<Pulse[]>([]);
  /** Views that are loaded only when they are wanted. */
  #asked = new Set<QueueView>();
  #known = new Map<string, Incident>();
  #gone = new Map<string, string | null>();
  #version = $state(0);
  /** What the feed told since it was shown last, in its order. */
  #buffer: ({ incident: Incident } | { gone: string; into: string | null })[] = [];
  readonly #beat = new Beat(() => this.#flush());
  /** The highest number that was seen: what has a higher one has just come. */
  #newest = 0;
  /** True once incidents were let go, or were too many to load: the page then shows the most urgent of them. */
  partial = $state(false);

  readonly hold = new Hold(() => this.matching.map(({ id }) => id));
  readonly all = $derived.by(() => {
    void this.#version;
    return [...this.#known.values()];
  });
  /** In a flood what waits is put together by its cause: nobody works through hundreds one by one. */
  readonly grouped = $derived((load.now?.flood.on ?? false) && this.filter.order === 'urgent' && (this.filter.view === 'open' || this.filter.view === 'unacknowledged'));
  readonly matching = $derived.by((): Incident[] => {
    const filter = { ...this.filter };
    const fitting = this.all.filter(passer(filter, this.me, registry));
    return this.grouped ? inGroups(fitting) : fitting.sort(compare(filter.order));
  });
  readonly pending = $derived.by(() => {
    if (!this.hold.frozen) return { count: 0, urgent: 0 };
    const shown = new Set(this.hold.shown);
    const fresh = this.matching.filter(({ id }) => !shown.has(id));
    return { count: fresh.length, urgent: fresh.filter(({ severity }) => severity === 'urgent').length };
  });
  readonly #sums = $derived(sumsOf(this.all, this.me));
  readonly open = $derived(this.#sums.open);
  readonly unacknowledged = $derived(this.#sums.unacknowledged);
  readonly counts = $derived(this.#sums.views);
  readonly bySeverity = $derived(this.#sums.bySeverity);
  readonly openByCamera = $derived(this.#sums.openByCamera);
  readonly kinds = $derived([...this.#sums.kinds].sort());
  readonly query = $derived(queryOf(this.filter, SEVERITIES));

  get(id: string): Incident | undefined {
    void this.#version;
    const into = this.#gone.get(id);
    return this.#known.get(id) ?? (into ? this.#known.get(into) : undefined);
  }

  /** Where an incident went that grew together with another; null where it left the view. */
  wentInto(id: string): string | null | undefined {
    void this.#version;
    return this.#gone.get(id);
  }

  /** Asks whether the hub has incidents at all. */
  async probe(): Promise<boolean> {
    try {
      await incidentsApi.list({ limit: '1' });
      this.available = true;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      this.available = false;
    }
    return this.available;
  }

  /** Loads what is not closed; what the feed brings meanwhile is merged by `change`. */
  async load(): Promise<void> {
    await this.#loadAll({ order: 'urgent' });
    for (const view of this.#asked) await this.#loadAll({ state: view, order: 'newest' });
    this.loaded = true;
  }

  /** Shows another view, and asks the hub for it where the page has not got it yet. */
  async show(view: QueueView): Promise<void> {
    this.setFilter({ view });
    if (view !== 'closed' || this.#asked.has(view)) return;
    this.#asked.add(view);
    await this.#loadAll({ state: view, order: 'newest' });
    this.hold.refresh();
  }

  arrived(incident: Incident): void {
    registry.expectKind(incident.kind);
    this.#buffer.push({ incident });
    this.#beat.arrived();
  }

  gone(id: string, into: string | null): void {
    this.#buffer.push({ gone: id, into });
    this.#beat.arrived();
  }

  /** An answer to an action: shown at once, without waiting for the feed. */
  adopt(incident: Incident): void {
    this.#put(incident);
    this.#version += 1;
  }

  setFilter(change: Partial<IncidentFilter>): void {
    Object.assign(this.filter, change);
    this.hold.refresh();
  }

  mark(id: string): void {
    const marked = new Set(this.marked);
    if (!marked.delete(id)) marked.add(id);
    this.marked = marked;
  }

  unmark(): void {
    this.marked = new Set();
  }

  clear(): void {
    this.#beat.stop();
    this.#buffer = [];
    this.#newest = 0;
    this.partial = false;
    this.#known.clear();
    this.#gone.clear();
    this.hold.clear();
    this.marked = new Set();
    this.loaded = false;
    this.#version += 1;
  }

  async #loadAll(query: Record<string, string>): Promise<void> {
    let cursor: string | null = null;
    let count = 0;
    do {
      const page = await incidentsApi.list({ ...query, limit: String(PAGE_INCIDENTS), ...(cursor ? { cursor } : {}) });
      for (const incident of page.incidents) this.#put(incident);
      count += page.incidents.length;
      cursor = page.next;
      this.#version += 1;
    } while (cursor && count < INCIDENTS_MAX / 2);
    if (cursor && query['state'] === undefined) this.partial = true;
  }

  /** True where the incident is new to the page. */
  #put(incident: Incident): boolean {
    const old = this.#known.get(incident.id);
    if (old && old.change > incident.change) return false;
    this.#known.set(incident.id, incident);
    this.#gone.delete(incident.id);
    this.#newest = Math.max(this.#newest, incident.number);
    return old === undefined;
  }

  #flush(): void {
    const buffer = this.#buffer;
    this.#buffer = [];
    const before = this.#newest;
    const arrivals: Arrival[] = [];
    for (const one of buffer) {
      if ('gone' in one) {
        this.#forget(one.gone, one.into);
        continue;
      }
      const { incident } = one;
      const escalated = (this.#known.get(incident.id)?.escalated ?? incident.escalated) < incident.escalated;
      const fresh = this.#put(incident);
      // A deadline passed: whoever is to hear of it hears it as if it had just come.
      if (escalated && isTold(incident, this.role)) arrivals.push({ id: incident.id, severity: incident.severity });
      // Sounds and words are for what waits: chatter and what others already took make none, nor what was let go before.
      if (fresh && incident.number > before && isUnacknowledged(incident)) arrivals.push({ id: incident.id, severity: incident.severity });
    }
    if (arrivals.length > 0) {
      this.batch = arrivals;
      this.#pulse(arrivals);
    }
    this.#trim();
    this.#version += 1;
  }

  #forget(id: string, into: string | null): void {
    this.#known.delete(id);
    this.#gone.set(id, into);
    if (this.#gone.size > INCIDENTS_MAX) this.#gone.delete(this.#gone.keys().next().value as string);
    if (this.marked.has(id)) this.mark(id);
  }

  #pulse(arrivals: readonly Arrival[]): void {
    const atMs = performance.now();
    const fresh = arrivals.flatMap(({ id, severity }) => (this.#known.get(id)?.cameras ?? []).map((camera) => ({ camera, severity, atMs })));
    this.pulses = [...this.pulses, ...fresh].slice(-PULSES_MAX);
  }

  #trim(): void {
    if (this.#known.size <= INCIDENTS_MAX) return;
    const kept = ({ id, owner }: Incident) => id === this.hold.selected || this.marked.has(id) || owner === this.me;
    for (const incident of surplus([...this.#known.values()], INCIDENTS_MAX - TRIMMED, kept)) {
      this.#known.delete(incident.id);
      if (incident.shown_as !== 'closed') this.partial = true;
    }
  }
}

export const incidents = new Incidents();

/** Why an incident is unusual, in the chosen language. */
export function unusualText(incident: Incident): string | null {
  return prefs.language === 'zh' ? (incident.unusual_zh ?? incident.unusual) : incident.unusual;
}

/** The merge's reason in the chosen language. */
export function reasonText(why: { text_en: string; text_zh: string }): string {
  return prefs.language === 'zh' ? why.text_zh : why.text_en;
}
