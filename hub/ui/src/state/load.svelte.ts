// How much comes in, by the numbers of alarm management, as the hub measures it for this person's view.
import { ApiError } from '../api/client';
import { incidentsApi } from '../api/incidents';
import type { AlarmLoad } from '../api/incident-types';

const POLL_MS = 5000;

class Load {
  now = $state.raw<AlarmLoad | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;

  start(): void {
    this.stop();
    void this.#poll();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.now = null;
  }

  async #poll(): Promise<void> {
    try {
      if (document.visibilityState === 'visible') this.now = await incidentsApi.load();
    } catch (error) {
      // An older hub does not measure it; anything else is told by the link.
      if (error instanceof ApiError && error.status === 404) return;
    }
    this.#timer = setTimeout(() => void this.#poll(), POLL_MS);
  }
}

export const load = new Load();
