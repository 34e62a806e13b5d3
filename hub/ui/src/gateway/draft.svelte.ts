// What is drawn for one camera: a copy of its settings, with every step that can be taken back. Saved by the gateway,
// which checks it; tried on the last minutes after each step.
import { api, type Draft as Wire, type Pair, type Place, type Settings, type Table, type Tried } from './api';
import { problemOf, type Problem } from './i18n';
import { fault, middle } from './shapes';
import { site } from './site.svelte';

/** Steps that can be taken back. */
const STEPS_MAX = 200;
/** Steps of one kind within this time are one: a drag, a held arrow key, a word that is typed. */
const ONE_STEP_MS = 900;
/** So long after the last step it is tried. */
const TRY_AFTER_MS = 500;

export type Key = 'zone' | 'line' | 'along' | 'polygon';
/** A shape: whose, and which of its keys. */
export interface Shape { what: 'rule' | 'mask'; index: number; key: Key; closed: boolean; points: Pair[] }

export class Draft {
  wire = $state.raw<Wire>(EMPTY);
  settings = $state.raw<Settings | null>(null);
  /** The rule or mask that is worked on. */
  chosen = $state.raw<{ what: 'rule' | 'mask'; index: number } | null>(null);
  tried = $state.raw<Tried | null>(null);
  trying = $state(false);
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  said = $state<{ what: 'saved' | 'undone'; revision: string } | null>(null);
  past = $state.raw<string[]>([]);
  future = $state.raw<string[]>([]);
  #saved = '';
  #last = { kind: '', at: 0 };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asked = 0;

  constructor(readonly camera: string) {
    void this.load();
  }

  dirty = $derived.by(() => this.settings !== null && JSON.stringify(this.wire) !== this.#saved);
  shapes = $derived.by(() => shapesOf(this.wire));
  /** What is wrong with a shape, if anything. */
  faults = $derived.by(() => this.shapes.map((shape) => (shape.closed ? fault(shape.points) : short(shape.points) ? 'short' as const : null)));

  async load(): Promise<void> {
    try {
      const settings = await api.settings(this.camera);
      this.#take(settings);
      this.problem = null;
    } catch (error) {
      this.#failed(error);
    }
  }

  /** A step: `kind` says which steps in a row are one. */
  change(kind: string, make: (wire: Wire) => void): void {
    const now = Date.now();
    const before = JSON.stringify(this.wire);
    const wire = JSON.parse(before) as Wire;
    make(wire);
    if (JSON.stringify(wire) === before) return;
    const same = kind !== '' && kind === this.#last.kind && now - this.#last.at < ONE_STEP_MS;
    if (!same) this.past = [...this.past, before].slice(-STEPS_MAX);
    this.#last = { kind, at: now };
    this.future = [];
    this.#becomes(wire);
  }

  undo(): void {
    const before = this.past.at(-1);
    if (before === undefined) return;
    this.past = this.past.slice(0, -1);
    this.future = [...this.future, JSON.stringify(this.wire)];
    this.#last = { kind: '', at: 0 };
    this.#becomes(JSON.parse(before) as Wire);
  }

  redo(): void {
    const after = this.future.at(-1);
    if (after === undefined) return;
    this.future = this.future.slice(0, -1);
    this.past = [...this.past, JSON.stringify(this.wire)];
    this.#becomes(JSON.parse(after) as Wire);
  }

  setPoints({ what, index, key }: Pick<Shape, 'what' | 'index' | 'key'>, points: Pair[], kind: string): void {
    this.change(kind, (wire) => {
      const mask = wire.masks[index];
      const rule = wire.rules[index];
      if (what === 'mask' && mask) mask.polygon = points;
      else if (what === 'rule' && rule) rule.table[key] = points;
    });
  }

  addRule(kind: string): void {
    const taken = this.wire.rules.map((rule) => rule.table.id ?? rule.table.kind);
    let id = kind;
    for (let n = 2; taken.includes(id); n += 1) id = `${kind}_${n}`;
    const table: Table = { id, kind };
    const schema = site.kinds?.rules.find((rule) => rule.properties['kind']?.const === kind);
    if (schema?.properties['line']) table.line = [[0.3, 0.6], [0.7, 0.6]];
    if (schema?.properties['zone']) table.zone = [[0.35, 0.4], [0.65, 0.4], [0.65, 0.7], [0.35, 0.7]];
    if (schema?.properties['along']) table.along = [[0.5, 0.65], [0.5, 0.45]];
    for (const key of schema?.required ?? []) {
      if (table[key] === undefined) table[key] = USUAL[key] ?? 1;
    }
    this.change('', (wire) => wire.rules.push({ was: null, table }));
    this.chosen = { what: 'rule', index: this.wire.rules.length - 1 };
  }

  addMask(): void {
    this.change('', (wire) => wire.masks.push({ was: null, name: '', polygon: [[0.4, 0.4], [0.6, 0.4], [0.6, 0.6], [0.4, 0.6]] }));
    this.chosen = { what: 'mask', index: this.wire.masks.length - 1 };
  }

  remove(what: 'rule' | 'mask', index: number): void {
    this.change('', (wire) => (what === 'rule' ? wire.rules : wire.masks).splice(index, 1));
    this.chosen = null;
  }

  set(key: keyof Place, value: Place[keyof Place]): void {
    this.change(`place ${key}`, (wire) => {
      Object.assign(wire, { [key]: value });
      // Points and a mounting exclude each other: the newer one is meant.
      if (key === 'ground_points' && wire.ground_points.length > 0) [wire.height_m, wire.tilt_deg] = [null, null];
    });
  }

  discard(): void {
    this.chosen = null;
    this.change('', (wire) => Object.assign(wire, JSON.parse(this.#saved)));
  }

  async save(): Promise<boolean> {
    const settings = this.settings;
    if (!settings || this.busy) return false;
    return this.#bring('saved', () => api.save(this.camera, settings.revision, this.wire));
  }

  async undoSave(): Promise<boolean> {
    return this.#bring('undone', () => api.undo());
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  async #bring(what: 'saved' | 'undone', act: () => Promise<{ revision: string }>): Promise<boolean> {
    // What is still to be tried is tried no more: it was drawn over the file as it was.
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.trying = false;
    this.busy = true;
    this.said = null;
    this.problem = null;
    try {
      const { revision } = await act();
      this.#take(await api.settings(this.camera));
      this.said = { what, revision };
      await site.refresh();
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    } finally {
      this.busy = false;
    }
  }

  #take(settings: Settings): void {
    const { position, heading_deg, field_of_view_deg, height_m, tilt_deg, ground_points } = settings;
    this.wire = {
      rules: settings.rules.map((table, was) => ({ was, table })),
      masks: settings.masks.map((mask, was) => ({ ...mask, was })),
      position, heading_deg, field_of_view_deg, height_m, tilt_deg, ground_points,
    };
    this.#saved = JSON.stringify(this.wire);
    [this.settings, this.past, this.future, this.tried] = [settings, [], [], null];
    const chosen = this.chosen;
    if (chosen && !(chosen.what === 'rule' ? this.wire.rules : this.wire.masks)[chosen.index]) this.chosen = null;
  }

  #becomes(wire: Wire): void {
    this.wire = wire;
    this.said = null;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#try(), TRY_AFTER_MS);
  }

  async #try(): Promise<void> {
    const number = (this.#asked += 1);
    if (!this.dirty || !this.settings) {
      [this.tried, this.problem, this.trying] = [null, null, false];
      return;
    }
    if (this.faults.some(Boolean)) {
      this.trying = false;
      return;
    }
    this.trying = true;
    try {
      const tried = await api.attempt(this.camera, this.settings.revision, this.wire);
      if (number === this.#asked) [this.tried, this.problem] = [tried, null];
    } catch (error) {
      if (number === this.#asked) this.#failed(error);
    } finally {
      if (number === this.#asked) this.trying = false;
    }
  }

  #failed(error: unknown): void {
    this.problem = problemOf(error);
    this.tried = null;
    site.failed(error);
    // What this draft cannot do is told here, not over the whole page.
    site.problem = null;
  }
}

const EMPTY: Wire = {
  rules: [], masks: [], position: null, heading_deg: null, field_of_view_deg: null, height_m: null, tilt_deg: null, ground_points: [],
};
/** What a new rule asks for where its kind has no default. */
const USUAL: Record<string, number> = { seconds: 10, count: 3, kmh: 40 };

const short = (points: readonly Pair[]) => points.length < 2 || Math.hypot((points[0] as Pair)[0] - (points[1] as Pair)[0], (points[0] as Pair)[1] - (points[1] as Pair)[1]) < 0.01;

function shapesOf(wire: Wire): Shape[] {
  const shapes: Shape[] = [];
  wire.rules.forEach(({ table }, index) => {
    if (table.zone) shapes.push({ what: 'rule', index, key: 'zone', closed: true, points: table.zone });
    if (table.line) shapes.push({ what: 'rule', index, key: 'line', closed: false, points: table.line });
    if (table.along) shapes.push({ what: 'rule', index, key: 'along', closed: false, points: table.along });
  });
  wire.masks.forEach(({ polygon }, index) => shapes.push({ what: 'mask', index, key: 'polygon', closed: true, points: polygon }));
  return shapes;
}

export const labelAt = (shape: Shape): Pair => middle(shape.points);
