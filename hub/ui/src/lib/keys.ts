// The keys of the desk. Letters act only while nobody types, no dialog is open, no modifier is held, and the person has
// not switched them off.
import type { ActionName } from '../api/incident-types';
import { app, type Tab } from '../state/app.svelte';
import { incidents } from '../state/incidents.svelte';
import { prefs } from '../state/prefs.svelte';
import { queue } from '../state/queue.svelte';
import { work } from '../state/work.svelte';

/** The letter of each action; they act on what is marked, or else on what is selected. */
export const ACTION_KEYS: Partial<Record<ActionName, string>> = {
  acknowledge: 'a', take: 't', assign: 'e', dispatch: 'd', shelve: 's', resolve: 'r', close: 'c', comment: 'm', reopen: 'o', severity: 'v',
};

/** How long after `g` the second letter may come. */
const SEQUENCE_MS = 1500;

/** Second letters that lead to other pages, from wherever one is. */
const PAGES: Record<string, () => void> = Object.fromEntries(
  Object.entries({ w: 'wall', h: 'handover', r: 'reports', f: 'search' }).map(([key, page]) => [key, () => (location.hash = `#/${page}`)]),
);

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
    x: () => mark(),
    u: () => app.mode === 'incidents' && void work.undo(),
    ...Object.fromEntries(Object.entries(ACTION_KEYS).map(([action, key]) => [key, () => act(action as ActionName)])),
    g: () => (goUntilMs = performance.now() + SEQUENCE_MS),
  };
  const places: Record<string, () => void> = {
    q: () => show('queue'),
    m: () => show('map'),
    s: () => show('state'),
    d: () => (app.detailFocus += 1),
    ...PAGES,
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

/** The keys of the pages beside the desk: where to go, and the help; what acts on incidents acts only where they are seen. */
export function sheetKeys(): (event: KeyboardEvent) => void {
  let goUntilMs = 0;
  return (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || app.dialog || isTyping(event.target) || !prefs.letterKeys) return;
    if (performance.now() < goUntilMs) {
      goUntilMs = 0;
      if (event.key === 'q') location.hash = '#/';
      else PAGES[event.key]?.();
    } else if (event.key === 'g') goUntilMs = performance.now() + SEQUENCE_MS;
    else if (event.key === '?') app.dialog = 'help';
    else return;
    event.preventDefault();
  };
}

/** Moves the selection in the queue; the detail follows. */
export function moveSelection(step: number): void {
  const list = app.mode === 'incidents' ? incidents.hold : { shown: queue.shown, selected: queue.selectedKey };
  if (list.shown.length === 0) return;
  const at = list.selected === null ? -1 : list.shown.indexOf(list.selected);
  const next = list.shown[at < 0 ? 0 : Math.min(list.shown.length - 1, Math.max(0, at + step))] ?? null;
  if (app.mode === 'incidents') app.selectIncident(next);
  else app.selectEvent(next);
}

function act(action: ActionName): void {
  if (app.mode === 'incidents' && !work.busy) work.begin(action);
}

/** Marks what is selected and goes on to the next, so that several are marked by one key. */
function mark(): void {
  const selected = incidents.hold.selected;
  if (app.mode !== 'incidents' || selected === null) return;
  incidents.mark(selected);
  moveSelection(1);
}

/** Brings in what waited while the list was held still. */
export function showNewest(): void {
  if (app.mode === 'incidents') incidents.hold.refresh();
  else queue.refresh();
  document.dispatchEvent(new CustomEvent('yiwang:queue-top'));
}

function escape(event: KeyboardEvent): void {
  if (isTyping(event.target)) (event.target as HTMLElement).blur();
  const hadSelection = queue.selectedKey !== null || incidents.hold.selected !== null || app.selectedCamera !== null;
  const inDetail = document.activeElement?.closest('#panel-detail') !== null;
  // Marks go first: who lets go of many does not lose the one.
  if (!hadSelection) incidents.unmark();
  app.closeDetail();
  queue.focus(false);
  incidents.hold.focus(false);
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
