// Who is logged in, which view is shown, what is selected, and the wiring of feed, queue and registry to it.
import { ApiError, api } from '../api/client';
import { Feed } from '../api/feed';
import type { Session } from '../api/types';
import { clock } from './clock.svelte';
import { link } from './link.svelte';
import { queue } from './queue.svelte';
import { registry } from './registry.svelte';

export type View = 'loading' | 'setup' | 'login' | 'desk' | 'unreachable';
export type Tab = 'queue' | 'map' | 'state';
export type DialogName = 'help' | 'tokens' | null;
/** Something the person must know and can put away. */
export type Notice = { kind: 'reloaded'; atMs: number } | { kind: 'session_over' } | null;

class App {
  view = $state<View>('loading');
  session = $state.raw<Session | null>(null);
  setupToken = $state('');
  tab = $state<Tab>('queue');
  dialog = $state<DialogName>(null);
  notice = $state.raw<Notice>(null);
  selectedCamera = $state<string | null>(null);
  /** Counts up when a person asks to see the detail, so that the panel takes the focus. */
  detailFocus = $state(0);

  #feed = new Feed('/api/v1/feed', {
    live: () => {
      link.live();
      void this.#loadQueue();
    },
    contact: () => link.heard(),
    event: (envelope) => queue.arrived(envelope.data),
    lost: () => link.lost(),
    retrying: (attempt) => (link.attempt = attempt),
    gone: () => this.#restartAfterGap(),
    unauthorised: () => this.sessionOver(),
  });

  async start(): Promise<void> {
    const setup = /^#\/setup\?token=(.+)$/.exec(location.hash);
    if (setup) {
      this.setupToken = decodeURIComponent(setup[1] as string);
      this.view = 'setup';
      return;
    }
    try {
      this.enter(await api.session());
    } catch (error) {
      this.view = error instanceof ApiError && error.unreachable ? 'unreachable' : 'login';
      if (this.view === 'unreachable') setTimeout(() => void this.start(), 3000);
    }
  }

  enter(session: Session): void {
    this.session = session;
    this.notice = null;
    this.view = 'desk';
    if (location.hash.startsWith('#/setup')) history.replaceState(null, '', '#/');
    registry.start(() => this.sessionOver());
    this.#feed.start();
    void this.#openLinkedEvent();
  }

  async logout(): Promise<void> {
    await api.logout().catch(() => undefined);
    this.#leave();
  }

  sessionOver(): void {
    this.#leave();
    this.notice = { kind: 'session_over' };
  }

  retryNow(): void {
    this.#feed.retryNow();
  }

  selectEvent(key: string | null): void {
    this.selectedCamera = null;
    queue.select(key);
    history.replaceState(null, '', key === null ? '#/' : `#/event/${encodeURIComponent(key)}`);
  }

  selectCamera(id: string | null): void {
    this.selectEvent(null);
    this.selectedCamera = id;
  }

  closeDetail(): void {
    this.selectEvent(null);
  }

  #leave(): void {
    this.#feed.stop();
    registry.clear();
    link.reset();
    this.selectEvent(null);
    this.dialog = null;
    this.session = null;
    queue.clear();
    this.view = 'login';
  }

  /** The feed is open first, then the list is loaded: what falls between the two comes twice, and twice is once. */
  async #loadQueue(): Promise<void> {
    if (queue.loaded) return;
    try {
      await queue.load();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return this.sessionOver();
      setTimeout(() => link.feed === 'live' && void this.#loadQueue(), 2000);
    }
  }

  /** 410: the hub cannot resume where we were. What the list shows is taken anew and the person is told. */
  #restartAfterGap(): void {
    queue.clear();
    this.notice = { kind: 'reloaded', atMs: clock.now };
    this.#feed.start();
  }

  async #openLinkedEvent(): Promise<void> {
    const linked = /^#\/event\/(.+)$/.exec(location.hash);
    if (!linked) return;
    try {
      const event = await api.event(decodeURIComponent(linked[1] as string));
      queue.adopt(event);
      this.selectEvent(event.cause ?? event.id);
    } catch {
      history.replaceState(null, '', '#/');
    }
  }
}

export const app = new App();
