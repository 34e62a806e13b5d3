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
  readonly completeTo = $derived.by(() => {
    let oldest: number | null = null;
    for (const camera of this.cameras) {
      if (camera.state !== 'ok' || !camera.complete_to) continue;
      const time = Date.parse(camera.complete_to);
      oldest = oldest === null ? time : Math.min(oldest, time);
    }
    return oldest;
  });
  /** Cameras from which nothing can be expected now. */
  readonly silent = $derived(this.cameras.filter((camera) => camera.state !== 'ok'));

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
    this.loaded = false;
  }

  /** After a change of the registry: what is asked seldom is asked now. */
  async reload(): Promise<void> {
    this.departments = await api.departments();
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
      this.cameras = cameras.map((camera) => this.#asPlaced(camera));
      this.gateways = gateways;
      if (kinds) this.kinds = new Map(kinds.map((kind) => [kind.kind, kind]));
      if (departments) this.departments = departments;
      this.loaded = true;
      link.polled(this.#pollMs());
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return this.#onUnauthorised();
      // Anything else shows as age: `link` turns stale by itself when polls stay away.
    }
    if (this.#running) this.#schedule(this.#pollMs());
  }
}

export const registry = new Registry();
