// How what a search found lies in time: the bars of its timeline. Knows no clock and no screen.
import type { Severity } from '../api/types';

export interface FoundAt {
  atMs: number;
  severity: Severity;
}

export interface Bar {
  fromMs: number;
  /** The next bar begins here. */
  toMs: number;
  count: number;
  bySeverity: Record<Severity, number>;
}

const SECOND_MS = 1000;
const [MINUTE_MS, HOUR_MS, DAY_MS] = [60 * SECOND_MS, 3600 * SECOND_MS, 86_400 * SECOND_MS];
/** Lengths of a bar that people count in. */
const LENGTHS_MS = [
  SECOND_MS, 5 * SECOND_MS, 15 * SECOND_MS, MINUTE_MS, 5 * MINUTE_MS, 15 * MINUTE_MS, HOUR_MS, 3 * HOUR_MS, 6 * HOUR_MS, DAY_MS, 7 * DAY_MS, 28 * DAY_MS, 364 * DAY_MS,
];

/** At most `most` bars from the first to the last, empty ones between them too; `offsetMs` is how far local time is ahead of UTC, so that days are local ones. */
export function barsOf(found: readonly FoundAt[], offsetMs: number, most: number): Bar[] {
  const known = found.filter(({ atMs }) => Number.isFinite(atMs));
  if (known.length === 0) return [];
  const first = known.reduce((oldest, { atMs }) => Math.min(oldest, atMs), Infinity);
  const last = known.reduce((newest, { atMs }) => Math.max(newest, atMs), -Infinity);
  const length = LENGTHS_MS.find((ms) => countOf(first, last, ms, offsetMs) <= most) ?? (LENGTHS_MS.at(-1) as number);
  const begin = floorTo(first, length, offsetMs);
  const bars = Array.from({ length: countOf(first, last, length, offsetMs) }, (_, i): Bar => ({
    fromMs: begin + i * length, toMs: begin + (i + 1) * length, count: 0, bySeverity: { low: 0, medium: 0, high: 0, urgent: 0 },
  }));
  for (const { atMs, severity } of known) {
    const bar = bars[Math.floor((atMs - begin) / length)];
    if (!bar) continue;
    bar.count += 1;
    bar.bySeverity[severity] += 1;
  }
  return bars;
}

function floorTo(ms: number, length: number, offsetMs: number): number {
  return Math.floor((ms + offsetMs) / length) * length - offsetMs;
}

function countOf(first: number, last: number, length: number, offsetMs: number): number {
  return Math.floor((last - floorTo(first, length, offsetMs)) / length) + 1;
}
