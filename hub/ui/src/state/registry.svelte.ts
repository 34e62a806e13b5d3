// Departments, gateways, cameras and kinds as the hub last told them. Asks again every 2 s while the page is visible;
// what could not be asked keeps its last value, and `link` shows that it is old.
import { ApiError, api } from '../api/client';
import { incidentsApi } from '../api/incidents';
import type { RegistryCamera } from '../api/incident-types';
import type { Camera, CameraState, Department, Gateway, Kind } from '../api/types';
import { t } from '../i18n';
import { prefs } from './prefs.svelte';
import { link } from './link.svelte';

const POLL_MS = 2000;
/** So many cameras are asked for at each poll; ten times as many, a tenth as often: reading the answer stops the page. */
const POLLED_AT_ONCE = 2000;
/** Kinds and departments seldom change: asked with each n-th poll, and at once when an unknown kind arrives. */
const SLOW_EVERY = 30;
/** The operations centre's own department has this id and no name of its own. */
const OPERATIONS = 'operations';

class Registry {
  departments = $state.raw<Department[]>([]);
  gateways = $state.raw<Gateway[]>([]);
  /** As each looks: the list is a new one only where a camera came, went or looks different; what each poll changes is told by `live`. */
  cameras = $state.raw<Camera[]>([]);
  kinds = $state.raw<Map<string, Kind>>(new Map());
  /** False until the first answer: nothing known is not the same as nothing there. */
  loaded = $state(false);

  readonly cameraById = $derived(new Map(this.cameras.map((camera) => [camera.id, camera])));
  readonly gatewayById = $derived(new Map(this.gateways.map((gateway) => [gateway.id, gateway])));
  readonly counts = $derived.by(() => {
    const counts: Record<CameraState, number> = { ok: 0, starting: 0, down: 0, no_contact: 0 };
    for (const camera of this.cameras) counts[camera.state] += 1;
    return counts;
  });
  /** Up to when every camera that works is complete; null where none is known. */
  completeTo = $state<number | null>(null);
  /** Cameras from which nothing can be expected now. */
  readonly silent = $derived(this.cameras.filter((camera) => camera.state !== 'ok'));

  /** Counts the answers: whoever shows what each of them changes follows it. */
  #told = $state(0);
  #newest = new Map<string, Camera>();
  /** Counts changes of names. */
  #names = $state(0);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running = false;
  #round = 0;
  /** Where cameras stand by an administrator's word, which goes before their gateway's. */
  #placed = new Map<string, RegistryCamera>();
  #onUnauthorised: () => void = () => {};
  readonly #wake = () => {
    if (document.visibilityState === 'visible' && this.#running) this.#schedule(0);
  };

  start(onUnauthorised: () => void): void {
    this.stop();
    this.#onUnauthorised = onUnauthorised;
    this.#running = true;
    this.#round = 0;
    document.addEventListener('visibilitychange', this.#wake);
    this.#schedule(0);
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
    document.removeEventListener('visibilitychange', this.#wake);
  }

  /** Forgets everything: the next person may see less. */
  clear(): void {
    this.stop();
    this.departments = [];
    this.gateways = [];
    this.cameras = [];
    this.kinds = new Map();
    this.#newest.clear();
    this.completeTo = null;
    this.loaded = false;
  }

  /** After a change of the registry: what is asked seldom is asked now. */
  async reload(): Promise<void> {
    this.departments = await api.departments();
  }

  /** A camera with what the newest answer says of it: how far it is complete, when it was heard. */
  live(camera: Camera): Camera {
    void this.#told;
    return this.#newest.get(camera.id) ?? camera;
  }

  /** Changes when a name of a kind, department or camera does, or the language. */
  get stamp(): string {
    return `${prefs.language} ${this.#names}`;
  }

  departmentName(id: string): string {
    if (id === OPERATIONS) return t().operations;
    return this.departments.find((department) => department.id === id)?.name ?? id;
  }

  cameraName(id: string): string {
    return this.cameraById.get(id)?.name ?? id;
  }

  kindLabel(kind: string): string {
    const known = this.kinds.get(kind);
    if (!known) return kind;
    return (prefs.language === 'zh' ? known.label_zh : known.label_en) || kind;
  }

  /** Somebody changed how cameras stand: asked with the next poll. */
  expectPlaces(): void {
    this.#round = 0;
  }

  /** An event of a kind that is not known yet brings the table of kinds up to date with the next poll. */
  expectKind(kind: string): void {
    if (!this.kinds.has(kind)) this.#round = 0;
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#poll(), delayMs);
  }

  #asPlaced(camera: Camera): Camera {
    const placed = this.#placed.get(camera.id);
    if (!placed) return camera;
    const { position, heading_deg, field_of_view_deg } = placed;
    return { ...camera, position, heading_deg, field_of_view_deg };
  }

  /** Takes an answer in. Ten thousand cameras are sorted, drawn and counted anew only where one of them looks different. */
  #take(cameras: Camera[]): void {
    const differs = cameras.length !== this.cameras.length || cameras.some((camera, i) => !sameLook(camera, this.cameras[i]));
    this.#newest = new Map(cameras.map((camera) => [camera.id, camera]));
    this.completeTo = oldestOf(cameras);
    if (differs) {
      this.cameras = cameras;
      this.#names += 1;
    }
    this.#told += 1;
  }

  #pollMs(): number {
    return POLL_MS * Math.max(1, this.cameras.length / POLLED_AT_ONCE);
  }

  async #poll(): Promise<void> {
    if (document.visibilityState === 'hidden' && this.loaded) return;
    try {
      const slow = this.#round % SLOW_EVERY === 0;
      const [cameras, gateways, kinds, departments, laid] = await Promise.all([
        api.cameras(), api.gateways(), slow ? api.kinds() : null, slow ? api.departments() : null,
        // An older hub has none of them.
        slow ? incidentsApi.registry().catch(() => null) : null,
      ]);
      if (!this.#running) return;
      this.#round += 1;
      if (laid) this.#placed = new Map(laid.filter(({ by_hand }) => by_hand.includes('position')).map((camera) => [camera.id, camera]));
      this.#take(cameras.map((camera) => this.#asPlaced(camera)));
      this.gateways = gateways;
      if (kinds && !alike(kinds, [...this.kinds.values()])) {
        this.kinds = new Map(kinds.map((kind) => [kind.kind, kind]));
        this.#names += 1;
      }
      if (departments && !alike(departments, this.departments)) {
        this.departments = departments;
        this.#names += 1;
      }
      this.loaded = true;
      link.polled(this.#pollMs());
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return this.#onUnauthorised();
      // Anything else shows as age: `link` turns stale by itself when polls stay away.
    }
    if (this.#running) this.#schedule(this.#pollMs());
  }
}

/** Whether both look the same in a list and on the map. */
function sameLook(a: Camera, b: Camera | undefined): boolean {
  return b !== undefined && a.id === b.id && a.state === b.state && a.name === b.name && a.cause === b.cause && a.since === b.since && a.department === b.department
    && a.heading_deg === b.heading_deg && a.field_of_view_deg === b.field_of_view_deg && a.position?.[0] === b.position?.[0] && a.position?.[1] === b.position?.[1];
}

function oldestOf(cameras: readonly Camera[]): number | null {
  let oldest: number | null = null;
  for (const { state, complete_to } of cameras) {
    if (state !== 'ok' || !complete_to) continue;
    const time = Date.parse(complete_to);
    oldest = oldest === null ? time : Math.min(oldest, time);
  }
  return oldest;
}

/** For the few and small. */
function alike(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export const registry = new Registry();
