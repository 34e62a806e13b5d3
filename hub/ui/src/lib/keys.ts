// The keys of the desk. Letters act only while nobody types, no dialog is open, no modifier is held, and the person has
// not switched them off.
import { app, type Tab } from '../state/app.svelte';
import { prefs } from '../state/prefs.svelte';
import { queue } from '../state/queue.svelte';

/** How long after `g` the second letter may come. */
const SEQUENCE_MS = 1500;

export interface KeyTargets {
  show(tab: Tab): void;
}

export function keyHandler({ show }: KeyTargets): (event: KeyboardEvent) => void {
  let goUntilMs = 0;
  const letters: Record<string, () => void> = {
    j: () => moveSelection(1),
    k: () => moveSelection(-1),
    n: () => showNewest(),
    '/': () => focusSearch(show),
    '?': () => (app.dialog = 'help'),
    g: () => (goUntilMs = performance.now() + SEQUENCE_MS),
  };
  const places: Record<string, () => void> = {
    q: () => show('queue'),
    m: () => show('map'),
    s: () => show('state'),
    d: () => (app.detailFocus += 1),
  };
  return (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || app.dialog) return;
    if (event.key === 'Escape') return escape(event);
    if (isTyping(event.target)) return;
    if (!prefs.letterKeys) return;
    const table = performance.now() < goUntilMs ? places : letters;
    if (table === places) goUntilMs = 0;
    const act = table[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
}

/** Moves the selection in the queue; the detail follows. */
export function moveSelection(step: number): void {
  const keys = queue.shown;
  if (keys.length === 0) return;
  const at = queue.selectedKey === null ? -1 : keys.indexOf(queue.selectedKey);
  const next = at < 0 ? 0 : Math.min(keys.length - 1, Math.max(0, at + step));
  app.selectEvent(keys[next] ?? null);
}

/** Brings in what waited while the list was held still. */
export function showNewest(): void {
  queue.refresh();
  document.dispatchEvent(new CustomEvent('yiwang:queue-top'));
}

function escape(event: KeyboardEvent): void {
  if (isTyping(event.target)) (event.target as HTMLElement).blur();
  const hadSelection = queue.selectedKey !== null || app.selectedCamera !== null;
  const inDetail = document.activeElement?.closest('#panel-detail') !== null;
  app.closeDetail();
  queue.focus(false);
  if (hadSelection && inDetail) document.getElementById('queue-list')?.focus({ preventScroll: true });
}

function focusSearch(show: (tab: Tab) => void): void {
  if (app.tab !== 'queue') show('queue');
  requestAnimationFrame(() => document.getElementById('queue-search')?.focus());
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.matches('input:not([type="checkbox"]), select, textarea') || target.isContentEditable;
}
