// The live feed over EventSource. Reconnects by itself with the last id it saw, notices a hub that fell silent, and
// says at any time whether what the page shows is live. Leaves the meaning of events to its handlers.
/** The hub speaks at least every 15 s; two missed heartbeats and a margin mean that the line is dead. */
const SILENCE_MS_MAX = 35_000;
const BACKOFF_MS_MIN = 500;
const BACKOFF_MS_MAX = 10_000;

/** Which of the hub's feeds, and what it is made of. */
export interface FeedSource {
  path: string;
  /** Names of the messages that carry something. */
  messages: readonly string[];
  /** Where to begin when nothing was seen yet; null leaves `since` out. */
  begin: string | null;
  /** Where a heartbeat says that the feed stands. */
  newest(heartbeat: Record<string, unknown>): string | null;
}

export interface FeedHandlers {
  /** A feed is open and has spoken: what follows is live. */
  live(): void;
  /** Any sign of life, events included. */
  contact(): void;
  message(name: string, data: unknown): void;
  /** The line is lost; called once a loss, `attempt` grows in `retrying`. */
  lost(): void;
  retrying(attempt: number): void;
  /** The hub no longer has what follows our last id (410): the list must be loaded anew. */
  gone(): void;
  /** The session is over (401, 403). */
  unauthorised(): void;
}

export class Feed {
  #source: EventSource | null = null;
  #lastId: string | null = null;
  #attempt = 0;
  #up = false;
  #stopped = true;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #contactMs = 0;

  constructor(
    private readonly source: FeedSource,
    private readonly handlers: FeedHandlers,
  ) {}

  /** Begins at the newest event; what is older comes from the list. */
  start(): void {
    this.stop();
    this.#stopped = false;
    this.#lastId = null;
    this.#attempt = 0;
    this.#watch = setInterval(() => this.#checkSilence(), 1000);
    addEventListener('offline', this.#networkChanged);
    addEventListener('online', this.#networkChanged);
    this.#open();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearInterval(this.#watch);
    removeEventListener('offline', this.#networkChanged);
    removeEventListener('online', this.#networkChanged);
    this.#close();
    this.#up = false;
  }

  /** Tries at once, for a person who does not want to wait. */
  retryNow(): void {
    if (this.#stopped || this.#up) return;
    clearTimeout(this.#retry);
    this.#open();
  }

  /** The browser says that the network changed: the line is tested by opening it anew. */
  readonly #networkChanged = () => {
    if (this.#up) void this.#failed();
    else this.retryNow();
  };

  #url(): string {
    const since = this.#lastId ?? this.source.begin;
    return since === null ? this.source.path : `${this.source.path}?since=${encodeURIComponent(since)}`;
  }

  #open(): void {
    this.#close();
    this.#contactMs = Date.now();
    const source = new EventSource(this.#url());
    this.#source = source;
    source.addEventListener('heartbeat', (message) => {
      this.#contact();
      // The newest id of a heartbeat is where to resume before the first event has come.
      this.#lastId ??= this.source.newest(JSON.parse(message.data) as Record<string, unknown>);
    });
    for (const name of this.source.messages) {
      source.addEventListener(name, (message) => {
        this.#contact();
        if (message.lastEventId) this.#lastId = message.lastEventId;
        this.handlers.message(name, JSON.parse(message.data));
      });
    }
    // EventSource would go on by itself with the first address; closing and opening anew keeps the cursor ours, and
    // tells a refusal (410, 401) from a line that is down.
    source.onerror = () => void this.#failed();
  }

  #close(): void {
    if (!this.#source) return;
    this.#source.onerror = null;
    this.#source.close();
    this.#source = null;
  }

  #contact(): void {
    this.#contactMs = Date.now();
    this.handlers.contact();
    if (this.#up) return;
    this.#up = true;
    this.#attempt = 0;
    this.handlers.live();
  }

  #checkSilence(): void {
    if (this.#source && Date.now() - this.#contactMs > SILENCE_MS_MAX) void this.#failed();
  }

  async #failed(): Promise<void> {
    const wasUp = this.#up;
    this.#close();
    this.#up = false;
    this.handlers.lost();
    if (!wasUp) {
      const status = await this.#probe();
      if (this.#stopped) return;
      if (status === 401 || status === 403) return this.handlers.unauthorised();
      if (status === 410) return this.handlers.gone();
    }
    this.#attempt += 1;
    this.handlers.retrying(this.#attempt);
    const backoffMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** (this.#attempt - 1));
    // Jitter, so that all pages of a control room do not come back in the same millisecond.
    this.#retry = setTimeout(() => this.#open(), backoffMs * (0.7 + 0.6 * Math.random()));
  }

  /** EventSource hides the status of a refusal, so the same address is asked once more without it. */
  async #probe(): Promise<number> {
    const abort = new AbortController();
    const limit = setTimeout(() => abort.abort(), 5000);
    try {
      const response = await fetch(this.#url(), {
        headers: { accept: 'text/event-stream' }, cache: 'no-store', signal: abort.signal,
      });
      return response.status;
    } catch {
      return 0;
    } finally {
      clearTimeout(limit);
      abort.abort();
    }
  }
}
