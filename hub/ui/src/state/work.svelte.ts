// What a person does with incidents: actions with their revision, conflicts told in words, undo, the detail that is
// looked at. The hub decides what is possible; nothing here is shown as done before the hub has said so.
import { ApiError } from '../api/client';
import { incidentsApi, type Conflict } from '../api/incidents';
import type { ActionFields, ActionName, IncidentDetail, Step } from '../api/incident-types';
import { errorText, t } from '../i18n';
import { HUB } from '../lib/step-text';
import { app } from './app.svelte';
import { clock } from './clock.svelte';
import { incidents } from './incidents.svelte';

/** The hub takes back a step for ten minutes; what was done before is not offered. */
const UNDO_MS = 600_000;
const UNDO_STEPS = 20;
/** What `undo` cannot take back, or has no reason to. */
const NOT_UNDONE: readonly ActionName[] = ['undo', 'comment'];

export interface Asked {
  action: ActionName;
  ids: string[];
  /** For `task`: whose. */
  department?: string;
  state?: string;
}

export interface Clash {
  id: string;
  action: ActionName;
  fields: ActionFields;
  since: Step[];
  message: string;
}

class Work {
  detail = $state.raw<IncidentDetail | null>(null);
  busy = $state(false);
  problem = $state.raw<{ message: string; next: string | null } | null>(null);
  clash = $state.raw<Clash | null>(null);
  /** What was done last, in words. */
  said = $state.raw<{ text: string; undo: boolean } | null>(null);
  /** The form that is open. */
  asked = $state.raw<Asked | null>(null);
  /** This person's steps, each with the incidents that it was taken on: what was done to several is taken back of all of them. */
  #mine: { ids: string[]; atMs: number }[] = [];
  #loading: string | null = null;
  #again = false;

  /** What an action would apply to: what is marked, or else what is selected. */
  targets(): string[] {
    if (incidents.marked.size > 0) return [...incidents.marked];
    return incidents.hold.selected === null ? [] : [incidents.hold.selected];
  }

  /** Brings the detail of the selected incident up to date; asked again while it runs, it runs once more. */
  async load(id: string): Promise<void> {
    if (this.#loading === id) {
      this.#again = true;
      return;
    }
    this.#loading = id;
    try {
      do {
        this.#again = false;
        this.#show(await incidentsApi.one(id));
      } while (this.#again);
    } catch (error) {
      if (incidents.hold.selected === id) this.problem = errorText(error);
    } finally {
      if (this.#loading === id) this.#loading = null;
    }
  }

  /** Begins an action: those that need words open their form, the others happen. */
  begin(action: ActionName, more: Partial<Asked> = {}): void {
    const ids = more.ids ?? this.targets();
    if (ids.length === 0) return;
    if (action === 'acknowledge' || action === 'take' || action === 'unshelve') {
      void this.act(ids, action);
      return;
    }
    this.problem = null;
    this.asked = { action, ids, ...more };
    app.dialog = 'action';
  }

  /** True where everything that was asked for was done. */
  async act(ids: readonly string[], action: ActionName, fields: ActionFields = {}): Promise<boolean> {
    this.busy = true;
    this.problem = null;
    this.clash = null;
    try {
      if (ids.length === 1) await this.#one(ids[0] as string, action, fields);
      else await this.#several(ids, action, fields);
      return this.problem === null && this.clash === null;
    } catch (error) {
      this.problem = errorText(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** Repeats what clashed, on what is there now. */
  async insist(): Promise<void> {
    const clash = this.clash;
    if (clash) await this.act([clash.id], clash.action, clash.fields);
  }

  /** Takes back this person's newest step. */
  async undo(): Promise<void> {
    this.#mine = this.#mine.filter(({ atMs }) => clock.now - atMs < UNDO_MS);
    const last = this.#mine.pop();
    if (!last) {
      this.said = { text: t().work.nothingToUndo, undo: false };
      return;
    }
    await this.act(last.ids, 'undo');
  }

  clear(): void {
    this.detail = null;
    this.clash = null;
    this.problem = null;
  }

  #show(detail: IncidentDetail): void {
    incidents.adopt(detail);
    // An answer that was on its way while an action was done tells of the time before it, and nothing would ask again.
    if (this.detail?.id === detail.id && this.detail.change > detail.change) return;
    if (incidents.hold.selected === detail.id || incidents.get(incidents.hold.selected ?? '')?.id === detail.id) this.detail = detail;
  }

  async #one(id: string, action: ActionName, fields: ActionFields): Promise<void> {
    // What the person acts upon is what they saw; only taking back one's own step is meant whatever came since.
    const shown = this.detail?.id === id && action !== 'undo' ? this.detail : incidents.get(id);
    await this.#send(id, shown?.revision ?? 0, action, fields);
  }

  async #send(id: string, revision: number, action: ActionName, fields: ActionFields): Promise<void> {
    try {
      const detail = await incidentsApi.act(id, revision, action, fields);
      this.#show(detail);
      this.#remember([id], action);
      this.said = { text: t().work.done[action](`#${detail.number}`), undo: !NOT_UNDONE.includes(action) };
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409 || error.code !== 'conflict') throw error;
      const { conflict } = error.body as { conflict: Conflict };
      if (conflict.incident) incidents.adopt(conflict.incident);
      // What only the hub did meanwhile, such as escalating, is nobody's change: nothing can be lost by going on.
      const now = conflict.incident?.revision ?? conflict.revision;
      if (now > revision && conflict.since.length > 0 && conflict.since.every(({ by }) => by === HUB)) return this.#send(id, now, action, fields);
      // The steps and what may be done now come with the detail; what is done next is then done on this revision.
      await this.load(id);
      this.clash = { id, action, fields, since: conflict.since, message: error.message };
    }
  }

  async #several(ids: readonly string[], action: ActionName, fields: ActionFields): Promise<void> {
    const items = ids.flatMap((id) => incidents.get(id) ?? []).map(({ id, revision }) => ({ id, revision }));
    const results = await incidentsApi.actAll(items, action, fields);
    const failed: string[] = [];
    const changed: string[] = [];
    for (const { id, incident, error } of results) {
      if (incident) {
        incidents.adopt(incident);
        changed.push(id);
      } else failed.push(`#${incidents.get(id)?.number ?? '?'}: ${error?.message ?? ''}`);
    }
    this.#remember(changed, action);
    incidents.unmark();
    this.said = { text: t().work.doneSeveral(changed.length, results.length), undo: changed.length > 0 && !NOT_UNDONE.includes(action) };
    if (failed.length > 0) this.problem = { message: failed.join(' · '), next: null };
    if (incidents.hold.selected) void this.load(incidents.hold.selected);
  }

  #remember(ids: string[], action: ActionName): void {
    if (NOT_UNDONE.includes(action) || ids.length === 0) return;
    this.#mine = [...this.#mine, { ids, atMs: clock.now }].slice(-UNDO_STEPS);
  }
}

export const work = new Work();
