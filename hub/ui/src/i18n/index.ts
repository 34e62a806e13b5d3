// The texts of the chosen language, and what depends on language: labels of open codes, times, ages, numbers.
import { ApiError } from '../api/client';
import { clock } from '../state/clock.svelte';
import { prefs } from '../state/prefs.svelte';
import { en, type Messages } from './en';
import { zh } from './zh';

const LANGUAGES: Record<typeof prefs.language, Messages> = { zh, en };
const LOCALES: Record<typeof prefs.language, string> = { zh: 'zh-CN', en: 'en-GB' };

export function t(): Messages {
  return LANGUAGES[prefs.language];
}

/** The BCP 47 tag of the chosen language. */
export function locale(): string {
  return LOCALES[prefs.language];
}

/** A label for an open code; one that nobody translated is shown as it is, without underscores. */
export function label(table: Record<string, string>, code: string): string {
  return Object.hasOwn(table, code) ? (table[code] as string) : code.replaceAll('_', ' ');
}

export function errorText(error: unknown): { message: string; next: string | null } {
  if (error instanceof ApiError && error.code !== 'unreachable') return { message: error.message, next: error.next };
  return { message: t().errors.unreachable, next: t().errors.unreachableNext };
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${prefs.language} ${name}`;
  const known = formats.get(key) ?? new Intl.DateTimeFormat(locale(), { hourCycle: 'h23', ...options });
  formats.set(key, known);
  return known;
}

const TIME = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
const DATE = { month: '2-digit', day: '2-digit' } as const;

/** Local time of day; with the date where it is not today's. */
export function timeOf(at: string | number | null): string {
  if (at === null) return t().unknown;
  const date = new Date(at);
  const today = clock.today === date.toDateString();
  return today ? format('time', TIME).format(date) : format('day', { ...DATE, ...TIME }).format(date);
}

/** Everything, alike in all languages: date, time to the millisecond, offset from UTC. */
export function fullTime(at: string): string {
  const date = new Date(at);
  const offsetMin = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offsetMin * 60_000).toISOString().replace('T', ' ').replace('Z', '');
  const size = Math.abs(offsetMin);
  const minutes = size % 60 === 0 ? '' : `:${String(size % 60).padStart(2, '0')}`;
  return `${local} UTC${offsetMin === 0 ? '' : `${offsetMin < 0 ? '−' : '+'}${Math.floor(size / 60)}${minutes}`}`;
}

/** A duration in words, at most two units. */
export function duration(ms: number): string {
  const text = t().time;
  const s = Math.floor(Math.abs(ms) / 1000);
  if (s < 60) return text.s(s);
  const min = Math.floor(s / 60);
  if (min < 60) return text.minS(min, String(s % 60).padStart(2, '0'));
  const h = Math.floor(min / 60);
  if (h < 48) return text.hMin(h, String(min % 60).padStart(2, '0'));
  return text.dH(Math.floor(h / 24), h % 24);
}

/** Like `duration`, with tenths below ten seconds and milliseconds below one. */
export function preciseDuration(ms: number): string {
  const size = Math.abs(ms);
  if (size < 1000) return t().time.ms(Math.round(size));
  return size < 10_000 ? t().time.s((size / 1000).toFixed(1)) : duration(size);
}

/** The age of a moment by the hub's clock; ticks. */
export function age(at: string | number | null): string {
  if (at === null) return t().state.never;
  return duration(Math.max(0, clock.now - new Date(at).getTime()));
}

export function ago(at: string | number): string {
  const ms = clock.now - new Date(at).getTime();
  if (ms < -2000) return t().time.ahead(duration(ms));
  return ms < 1000 ? t().time.justNow : t().time.ago(duration(ms));
}

export function number(value: number): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 1 }).format(value);
}
