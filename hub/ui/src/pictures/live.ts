// Live video in a `video` element: reads the hub's records, feeds the browser's own player with them, keeps it close to now
// and knows how old what it shows is. Shows nothing by itself.
import { ApiError, refusalOf } from '../api/client';
import { Records, type PictureRecord } from './records';

/** So much is kept behind what is shown. */
const KEEP_S = 8;
/** Beyond so much ahead it plays faster, and beyond that much faster; beyond the last it jumps. */
const AHEAD_S = { near: 0.35, far: 1, jump: 6 };
/** Pictures whose age is remembered: those between arriving and being shown. */
const AGES_MAX = 600;
const LOOK_MS = 200;

export type LiveEnd = { code: string; message: string };

interface Shown {
  mediaS: number;
  ageMs: number;
  arrivedMs: number;
}

export class LiveVideo {
  #video: HTMLVideoElement;
  #abort = new AbortController();
  #source = new MediaSource();
  #url = '';
  #buffer: SourceBuffer | null = null;
  /** Bound: what comes while an append is under way; beyond it the rest of the group is left out. */
  #queue: Uint8Array<ArrayBuffer>[] = [];
  #ages: Shown[] = [];
  #timer = 0;
  #begun = false;

  constructor(video: HTMLVideoElement) {
    this.#video = video;
  }

  /** Plays until it ends or is stopped; the end in the hub's words, null where it was stopped here. */
  async run(camera: string, wish: { reason: string; incident?: string }): Promise<LiveEnd | null> {
    const slash = camera.indexOf('/');
    const path = `/api/v1/cameras/${encodeURIComponent(camera.slice(0, slash))}/${encodeURIComponent(camera.slice(slash + 1))}/live`;
    try {
      const response = await fetch(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-yiwang': '1' },
        body: JSON.stringify(wish),
        credentials: 'same-origin',
        cache: 'no-store',
        signal: this.#abort.signal,
      });
      if (!response.ok) throw await refusalOf(response);
      if (!response.body) throw new ApiError(0, 'unreachable', '', null);
      await this.#open();
      const records = new Records();
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return { code: 'unreachable', message: '' };
        for (const record of records.push(value)) {
          if (record.kind === 'end') return { code: record.code, message: record.message };
          if (record.kind === 'head' && !this.#head(record.codec, record.bytes)) return { code: 'codec_not_shown', message: record.codec };
          if (record.kind === 'picture') this.#picture(record);
        }
      }
    } catch (error) {
      if (this.#abort.signal.aborted) return null;
      if (error instanceof ApiError) return { code: error.code, message: error.message };
      return { code: 'unreachable', message: '' };
    } finally {
      this.stop();
    }
  }

  stop(): void {
    this.#abort.abort();
    clearInterval(this.#timer);
    if (this.#url !== '') URL.revokeObjectURL(this.#url);
    this.#url = '';
    this.#queue = [];
  }

  /** How old what is on the screen is; null before the first picture. */
  ageMs(): number | null {
    const now = this.#video.currentTime + 0.001;
    const shown = this.#ages.findLast(({ mediaS }) => mediaS <= now);
    return this.#begun && shown ? shown.ageMs + performance.now() - shown.arrivedMs : null;
  }

  async #open(): Promise<void> {
    this.#url = URL.createObjectURL(this.#source);
    this.#video.src = this.#url;
    await new Promise<void>((resolve) => this.#source.addEventListener('sourceopen', () => resolve(), { once: true }));
    this.#timer = window.setInterval(() => this.#steer(), LOOK_MS);
  }

  #head(codec: string, bytes: Uint8Array<ArrayBuffer>): boolean {
    const type = `video/mp4; codecs="${codec}"`;
    if (!MediaSource.isTypeSupported(type)) return false;
    if (this.#buffer) this.#buffer.changeType(type);
    else {
      this.#buffer = this.#source.addSourceBuffer(type);
      this.#buffer.addEventListener('updateend', () => this.#append());
    }
    this.#push(bytes);
    return true;
  }

  #picture({ mediaS, ageMs, bytes }: PictureRecord): void {
    this.#ages.push({ mediaS, ageMs, arrivedMs: performance.now() });
    if (this.#ages.length > AGES_MAX) this.#ages.shift();
    this.#push(bytes);
  }

  #push(bytes: Uint8Array<ArrayBuffer>): void {
    this.#queue.push(bytes);
    this.#append();
  }

  #append(): void {
    const buffer = this.#buffer;
    if (!buffer || buffer.updating || this.#source.readyState !== 'open') return;
    this.#begin();
    const next = this.#queue.shift();
    if (next) buffer.appendBuffer(next);
  }

  #begin(): void {
    const { buffered } = this.#video;
    if (this.#begun || buffered.length === 0) return;
    this.#begun = true;
    this.#video.currentTime = buffered.start(0);
    void this.#video.play().catch(() => undefined);
  }

  /** Keeps close to now by playing faster; a jump only where that would take too long. */
  #steer(): void {
    const video = this.#video;
    const { buffered } = video;
    if (!this.#begun || buffered.length === 0) return;
    const end = buffered.end(buffered.length - 1);
    const start = buffered.start(buffered.length - 1);
    const aheadS = end - video.currentTime;
    // A group was left out: what is shown cannot go on across the hole by itself.
    if (video.currentTime < start) video.currentTime = start;
    else if (aheadS > AHEAD_S.jump) video.currentTime = end - AHEAD_S.near;
    video.playbackRate = aheadS > AHEAD_S.far ? 1.5 : aheadS > AHEAD_S.near ? 1.1 : 1;
    if (video.paused) void video.play().catch(() => undefined);
    if (this.#buffer && !this.#buffer.updating && video.currentTime - buffered.start(0) > 2 * KEEP_S) {
      this.#buffer.remove(buffered.start(0), video.currentTime - KEEP_S);
    }
  }
}
