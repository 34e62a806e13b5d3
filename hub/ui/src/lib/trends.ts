// How many began in each hour, by kind: what the plots of the reports draw. Knows no clock and no screen.

export interface Begun {
  kind: string;
  begin: string;
}

export interface Trend {
  kind: string;
  /** Oldest first; the last one is the hour that still runs. */
  hours: number[];
  total: number;
}

const HOUR_MS = 3_600_000;

/** When the first of `hours` hours begins, of which the last holds `nowMs`. Hours begin where UTC's do. */
export function firstHourMs(nowMs: number, hours: number): number {
  return (Math.floor(nowMs / HOUR_MS) - hours + 1) * HOUR_MS;
}

/** One row a kind, the busiest first; what lies outside the hours is not counted. */
export function trends(begun: readonly Begun[], nowMs: number, hours: number): Trend[] {
  const first = firstHourMs(nowMs, hours);
  const byKind = new Map<string, Trend>();
  for (const { kind, begin } of begun) {
    const at = Math.floor((Date.parse(begin) - first) / HOUR_MS);
    if (!(at >= 0 && at < hours)) continue;
    const trend = byKind.get(kind) ?? { kind, hours: Array.from({ length: hours }, () => 0), total: 0 };
    trend.hours[at] = (trend.hours[at] ?? 0) + 1;
    trend.total += 1;
    byKind.set(kind, trend);
  }
  return [...byKind.values()].sort((a, b) => b.total - a.total || a.kind.localeCompare(b.kind));
}
