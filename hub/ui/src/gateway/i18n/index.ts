// The texts of the chosen language, and what depends on language: labels of open codes, times, ages, refusals.
import { ApiError } from '../../api/client';
import { clock } from '../../state/clock.svelte';
import { prefs } from '../../state/prefs.svelte';
import { en, type Texts } from './en';
import { zh } from './zh';

const LANGUAGES: Record<typeof prefs.language, Texts> = { zh, en };

export const t = (): Texts => LANGUAGES[prefs.language];
export const locale = () => (prefs.language === 'zh' ? 'zh-CN' : 'en-GB');

/** A label for an open code; one that nobody translated is shown as it is. */
export function label(table: Record<string, string>, code: string): string {
  return Object.hasOwn(table, code) ? (table[code] as string) : code.replaceAll('_', ' ');
}

export interface Problem { text: string; detail: string | null }

/** A refusal in the chosen language; what only the gateway can say stands behind it, in its words. */
export function problemOf(error: unknown): Problem {
  if (!(error instanceof ApiError)) return { text: t().errors['unexpected'] as string, detail: null };
  const known = t().errors[error.code] ?? (t().errors['unexpected'] as string);
  const speaks = ['invalid', 'unwritable', 'failed', 'unexpected'].includes(error.code);
  return { text: known, detail: speaks ? error.message : null };
}

export function timeOf(at: string): string {
  return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(new Date(at));
}

export function duration(ms: number): string {
  const s = Math.floor(Math.max(0, ms) / 1000);
  if (s < 60) return t().seconds(s);
  const min = Math.floor(s / 60);
  if (min < 60) return t().minutes(min, String(s % 60).padStart(2, '0'));
  const h = Math.floor(min / 60);
  return h < 48 ? t().hours(h, String(min % 60).padStart(2, '0')) : t().days(Math.floor(h / 24), h % 24);
}

/** The age of a moment by the gateway's clock; ticks. */
export const ageMs = (at: string) => Math.max(0, clock.now - new Date(at).getTime());
export const age = (at: string) => duration(ageMs(at));

export function number(value: number): string {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: Math.abs(value) < 10 ? 2 : 1 }).format(value);
}

export const percent = (part: number) => `${Math.round(part * 100)} %`;
