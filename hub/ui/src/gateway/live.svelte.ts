// The pictures of one camera as they come, each with what was made of it: asked for one after the other while the page is
// in sight, and not otherwise, so that the gateway codes none for nobody.
import { ApiError } from '../api/client';
import { look, type Pair, type View } from './api';
import { problemOf, type Problem } from './i18n';
import { site } from './site.svelte';

/** At most so many pictures a second. */
const PACE_MS = 150;
const AGAIN_MS = 1500;
/** Points of an object's way that are drawn. */
const WAY_MAX = 24;

export class Live {
  view = $state.raw<View | null>(null);
  url = $state('');
  problem = $state.raw<Problem | null>(null);
  /** Where each object was: its foot. */
  ways = $state.raw<ReadonlyMap<number, Pair[]>>(new Map());
  #stop = new AbortController();

  constructor(readonly camera: string) {
    void this.#run();
  }

  close(): void {
    this.#stop.abort();
    if (this.url) URL.revokeObjectURL(this.url);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let after = 0;
    while (!signal.aborted) {
      if (document.hidden) {
        await new Promise<void>((resolve) => document.addEventListener('visibilitychange', () => resolve(), { once: true }));
        continue;
      }
      let pauseMs = PACE_MS;
      try {
        const got = await look(this.camera, after, signal);
        if (signal.aborted) return;
        this.problem = null;
        if (got) {
          after = got.view.number;
          this.#show(got.view, got.jpeg);
        }
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && error.code === 'login_needed') return site.failed(error);
        this.problem = problemOf(error);
        pauseMs = AGAIN_MS;
      }
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  #show(view: View, jpeg: Blob): void {
    const before = this.url;
    this.url = URL.createObjectURL(jpeg);
    if (before) URL.revokeObjectURL(before);
    const ways = new Map<number, Pair[]>();
    for (const { id, box, predicted } of view.tracks) {
      const way = this.ways.get(id) ?? [];
      ways.set(id, predicted ? way : [...way, [(box[0] + box[2]) / 2, box[3]] as Pair].slice(-WAY_MAX));
    }
    this.ways = ways;
    this.view = view;
  }
}
