// Who is logged in, which view is shown, what is selected, and the wiring of feed, queue and registry to it.
import { ApiError, api } from '../api/client';
import { incidentsApi } from '../api/incidents';
import { Feed, type FeedHandlers } from '../api/feed';
import type { Incident } from '../api/incident-types';
import type { FeedEnvelope, Session } from '../api/types';
import { clock } from './clock.svelte';
import { incidents } from './incidents.svelte';
import { link, type FeedName } from './link.svelte';
import { load } from './load.svelte';
import { queue } from './queue.svelte';
import { registry } from './registry.svelte';
import { route } from './route.svelte';

export type View = 'loading' | 'setup' | 'login' | 'desk' | 'unreachable';
export type Tab = 'queue' | 'map' | 'state';
/** What the queue holds: incidents, which is what people work on, or the events that they are made of. */
export type Mode = 'incidents' | 'events';
export type DialogName = 'help' | 'tokens' | 'action' | null;
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

  mode = $state<Mode>('incidents');

  #events = new Feed(
    { path: '/api/v1/feed', messages: ['event'], begin: 'now', newest: (heartbeat) => textOf(heartbeat['newest']) },
    this.#handlers('events', () => this.#loadEvents(), (_, data) => queue.arrived((data as FeedEnvelope).data)),
  );
  #incidents = new Feed(
    { path: '/api/v1/incidents/feed', messages: ['incident', 'gone', 'end'], begin: null, newest: (heartbeat) => textOf(heartbeat['change']) },
    this.#handlers('incidents', () => this.#loadIncidents(), (name, data) => this.#incidentMessage(name, data)),
  );

  constructor() {
    // A link inside the page, e.g. from the search: what is set by `#address` makes no such event.
    addEventListener('hashchange', () => this.session && void this.#openLinked());
  }

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
    incidents.me = session.user;
    incidents.role = session.role;
    registry.start(() => this.sessionOver());
    void this.#openFeeds();
    void this.#openLinked();
  }

  /** Shows incidents or events. The feed of events is open only while somebody looks at them: a browser has few lines. */
  setMode(mode: Mode): void {
    if (mode === this.mode) return;
    this.closeDetail();
    this.mode = mode;
    if (mode === 'events') {
      link.opening('events');
      this.#events.start();
    } else {
      this.#events.stop();
      link.closed('events');
      queue.clear();
    }
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
    this.#incidents.retryNow();
    this.#events.retryNow();
  }

  selectEvent(key: string | null): void {
    this.selectedCamera = null;
    incidents.hold.select(null);
    queue.select(key);
    this.#address(key === null ? '' : `event/${encodeURIComponent(key)}`);
  }

  selectIncident(id: string | null): void {
    this.selectedCamera = null;
    queue.select(null);
    incidents.hold.select(id);
    this.#address(id === null ? '' : `incident/${encodeURIComponent(id)}`);
  }

  selectCamera(id: string | null): void {
    this.selectEvent(null);
    this.selectedCamera = id;
  }

  closeDetail(): void {
    this.selectEvent(null);
  }

  /** The address follows what is selected on the desk; other pages keep theirs. */
  #address(what: string): void {
    if (route.page === 'desk') history.replaceState(null, '', `#/${what}`);
  }

  #leave(): void {
    this.#events.stop();
    this.#incidents.stop();
    load.stop();
    registry.clear();
    link.reset();
    this.selectEvent(null);
    this.dialog = null;
    this.session = null;
    queue.clear();
    incidents.clear();
    incidents.available = null;
    this.mode = 'incidents';
    this.view = 'login';
  }

  #handlers(name: FeedName, load: () => Promise<void>, message: FeedHandlers['message']): FeedHandlers {
    return {
      live: () => {
        link.live(name);
        void load();
      },
      contact: () => link.heard(),
      message,
      lost: () => link.lost(name),
      retrying: (attempt) => (link.attempt = attempt),
      gone: () => this.#restartAfterGap(name),
      unauthorised: () => this.sessionOver(),
    };
  }

  /** Incidents where the hub has them; an older hub has events only, and shows them as before. */
  async #openFeeds(): Promise<void> {
    try {
      link.opening('incidents');
      if (await incidents.probe()) {
        this.#incidents.start();
        load.start();
      } else {
        link.closed('incidents');
        this.setMode('events');
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return this.sessionOver();
      link.lost('incidents');
      setTimeout(() => this.session && void this.#openFeeds(), 2000);
    }
  }

  #incidentMessage(name: string, data: unknown): void {
    // Grants or accounts changed: what may be seen is asked anew.
    if (name === 'end') this.#restart('incidents');
    if (name === 'incident') incidents.arrived(data as Incident);
    if (name === 'gone') {
      const { id, into } = data as { id: string; into: string | null };
      incidents.gone(id, into);
      if (incidents.hold.selected === id && into) this.selectIncident(into);
    }
  }

  /** The feed is open first, then the list is loaded: what falls between the two comes twice, and twice is once. */
  async #loadEvents(): Promise<void> {
    if (!queue.loaded) await this.#load('events', () => queue.load());
  }

  async #loadIncidents(): Promise<void> {
    if (!incidents.loaded) await this.#load('incidents', () => incidents.load());
  }

  async #load(name: FeedName, load: () => Promise<void>): Promise<void> {
    try {
      await load();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return this.sessionOver();
      setTimeout(() => link.isLive(name) && void this.#load(name, load), 2000);
    }
  }

  /** 410: the hub cannot resume where we were. What the list shows is taken anew and the person is told. */
  #restartAfterGap(name: FeedName): void {
    this.notice = { kind: 'reloaded', atMs: clock.now };
    this.#restart(name);
  }

  #restart(name: FeedName): void {
    if (name === 'events') queue.clear();
    else incidents.clear();
    (name === 'events' ? this.#events : this.#incidents).start();
  }

  async #openLinked(): Promise<void> {
    const [, what, id] = /^#\/(event|incident)\/(.+)$/.exec(location.hash) ?? [];
    if (!what || !id) return;
    try {
      if (what === 'incident') {
        const incident = await incidentsApi.one(decodeURIComponent(id));
        incidents.adopt(incident);
        this.selectIncident(incident.id);
      } else {
        const event = await api.event(decodeURIComponent(id));
        this.setMode('events');
        queue.adopt(event);
        this.selectEvent(event.cause ?? event.id);
      }
    } catch {
      history.replaceState(null, '', '#/');
    }
  }
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : null;
}

export const app = new App();
