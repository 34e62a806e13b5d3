// What the page knows of the gateway: whether one is logged in, the cameras, which of them is looked at.
import { ApiError } from '../api/client';
import { api, type Camera, type Kinds, type Session, type Site as Told } from './api';
import { problemOf, t, type Problem } from './i18n';

/** How often the cameras' states are asked for. */
const EVERY_MS = 2000;

class Site {
  session = $state.raw<Session | null>(null);
  told = $state.raw<Told | null>(null);
  kinds = $state.raw<Kinds | null>(null);
  chosen = $state(decodeURIComponent(location.hash.slice(1)));
  problem = $state.raw<Problem | null>(null);
  over = $state(false);
  /** Something is drawn and not saved: it is asked before it is lost. */
  unsaved = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  get camera(): Camera | null {
    return this.told?.cameras.find((camera) => camera.id === this.chosen) ?? null;
  }

  async start(): Promise<void> {
    try {
      this.session = await api.session();
      this.problem = null;
      if (this.session.logged_in) await this.enter();
    } catch (error) {
      this.problem = problemOf(error);
      setTimeout(() => void this.start(), EVERY_MS);
    }
  }

  async enter(): Promise<void> {
    this.over = false;
    this.kinds = await api.kinds();
    this.session = await api.session();
    clearTimeout(this.#timer);
    await this.#poll();
  }

  choose(camera: string): void {
    if (camera !== this.chosen && this.unsaved && !confirm(t().save.leave)) return;
    this.unsaved = false;
    this.chosen = camera;
    history.replaceState(null, '', `#${encodeURIComponent(camera)}`);
  }

  async refresh(): Promise<void> {
    try {
      this.told = await api.cameras();
      this.problem = null;
      const first = this.told.cameras[0];
      if (!this.camera && first) this.choose(first.id);
    } catch (error) {
      this.failed(error);
    }
  }

  /** A refusal of any request: a session that is over leads back to the log-in. */
  failed(error: unknown): void {
    if (error instanceof ApiError && error.code === 'login_needed') {
      this.over = this.session?.logged_in ?? false;
      if (this.session) this.session = { ...this.session, logged_in: false };
      this.told = null;
    } else {
      this.problem = problemOf(error);
    }
  }

  async leave(): Promise<void> {
    await api.logout().catch(() => undefined);
    if (this.session) this.session = { ...this.session, logged_in: false };
    this.told = null;
  }

  async #poll(): Promise<void> {
    if (!document.hidden) await this.refresh();
    if (this.session?.logged_in) this.#timer = setTimeout(() => void this.#poll(), EVERY_MS);
  }
}

export const site = new Site();
