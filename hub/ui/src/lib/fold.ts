// The queue's logic without a screen: begin, update and end of one event become one row; rows stay sorted by when the
// thing happened, newest first; memory is bounded. Knows neither network nor clock nor Svelte.
import type { HubEvent, Severity } from '../api/types';

/** Rows kept in the page; the oldest go first, the hub has them all. */
export const ROWS_MAX = 5000;
/** Updates kept of one row; the middle ones go first, their number is still counted. */
export const UPDATES_MAX = 20;

export interface Row {
  /** The id of the begin event, also where only its update or end is known. */
  key: string;
  begin: HubEvent | null;
  updates: HubEvent[];
  updateCount: number;
  end: HubEvent | null;
  /** The newest known phase. */
  latest: HubEvent;
  severity: Severity;
  /** When it happened, for sorting: the first known capture time, ms since 1970. */
  timeMs: number;
}

export const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high', 'urgent'];

export function severityRank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

export class Fold {
  /** Newest first. */
  order: Row[] = [];
  readonly #rows = new Map<string, Row>();
  readonly #seen = new Set<string>();

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  clear(): void {
    this.order = [];
    this.#rows.clear();
    this.#seen.clear();
  }

  /** Takes one event; says whether it was new and whether it made a row. A repeated id changes nothing. */
  add(event: HubEvent): { fresh: boolean; newRow: boolean } {
    if (this.#seen.has(event.id)) return { fresh: false, newRow: false };
    this.#seen.add(event.id);
    const key = event.phase === 'begin' ? event.id : (event.cause ?? event.id);
    const old = this.#rows.get(key);
    const { row, dropped } = merged(old, key, event);
    if (dropped) this.#seen.delete(dropped.id);
    this.#rows.set(key, row);
    if (old) this.order.splice(this.#indexOf(old), 1);
    this.order.splice(this.#insertionIndex(row), 0, row);
    this.#trim();
    return { fresh: true, newRow: old === undefined && this.#rows.has(key) };
  }

  #trim(): void {
    while (this.order.length > ROWS_MAX) {
      const row = this.order.pop();
      if (!row) return;
      this.#rows.delete(row.key);
      for (const event of eventsOf(row)) this.#seen.delete(event.id);
    }
  }

  #insertionIndex(row: Row): number {
    let low = 0;
    let high = this.order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (newerFirst(this.order[middle] as Row, row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #indexOf(row: Row): number {
    const guess = this.#insertionIndex(row);
    return this.order[guess] === row ? guess : this.order.indexOf(row);
  }
}

/** All phases that are kept of a row, oldest first. */
export function eventsOf(row: Row): HubEvent[] {
  return [row.begin, ...row.updates, row.end].filter((event): event is HubEvent => event !== null);
}

function newerFirst(a: Row, b: Row): number {
  return b.timeMs - a.timeMs || (a.key < b.key ? 1 : a.key > b.key ? -1 : 0);
}

function merged(old: Row | undefined, key: string, event: HubEvent): { row: Row; dropped: HubEvent | undefined } {
  let dropped: HubEvent | undefined;
  const row: Row = old
    ? { ...old }
    : { key, begin: null, updates: [], updateCount: 0, end: null, latest: event, severity: event.severity, timeMs: NaN };
  if (event.phase === 'begin') row.begin = event;
  else if (event.phase === 'end') row.end = event;
  else {
    row.updateCount += 1;
    row.updates = [...row.updates, event].sort((a, b) => a.captured.localeCompare(b.captured));
    if (row.updates.length > UPDATES_MAX) [dropped] = row.updates.splice(UPDATES_MAX >> 1, 1);
  }
  row.latest = row.end ?? row.updates.at(-1) ?? row.begin ?? event;
  if (severityRank(event.severity) > severityRank(row.severity)) row.severity = event.severity;
  row.timeMs = Date.parse((row.begin ?? row.updates[0] ?? row.latest).captured);
  return { row, dropped };
}
