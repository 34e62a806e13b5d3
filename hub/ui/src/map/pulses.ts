// Rings that spread from a camera when an event begins there. One wave in 1.2 s: far below three flashes a second. They
// are drawn on a canvas of their own above the map: as a layer of the map each picture of theirs would be the whole map
// drawn anew, ten thousand cameras and all, and in software on many a wall.
import type { Severity } from '../api/types';
import type { Pulse } from '../state/queue.svelte';
import { contextOf } from './marks';
import type { Palette } from './palette';

export const PULSE_MS = 4800;
const WAVE_MS = 1200;
const RADIUS_PX_MIN = 14;
const RADIUS_PX_MAX = 42;
const LINE_PX = 3;

export interface Ring {
  severity: Severity;
  position: [number, number];
  radiusPx: number;
  opacity: number;
}

/** The rings at `nowMs`; `calm` (reduced motion) gives a ring that stands still instead. */
export function rings(
  pulses: readonly Pulse[], placed: ReadonlyMap<string, [number, number]>, nowMs: number, calm: boolean,
): { rings: Ring[]; running: boolean } {
  const found: Ring[] = [];
  let running = false;
  for (const { camera, severity, atMs } of pulses) {
    const ageMs = nowMs - atMs;
    if (ageMs >= PULSE_MS) continue;
    running = true;
    const position = placed.get(camera);
    if (!position) continue;
    const wave = calm ? 0.4 : (ageMs % WAVE_MS) / WAVE_MS;
    found.push({ severity, position, radiusPx: RADIUS_PX_MIN + (RADIUS_PX_MAX - RADIUS_PX_MIN) * wave, opacity: calm ? 0.9 : 1 - wave });
  }
  return { rings: found, running };
}

/** A canvas over the map that takes no pointer. */
export class RingCanvas {
  readonly #canvas = document.createElement('canvas');

  constructor(private readonly container: HTMLElement) {
    Object.assign(this.#canvas.style, { position: 'absolute', inset: '0', width: '100%', height: '100%', pointerEvents: 'none' });
    this.#canvas.setAttribute('aria-hidden', 'true');
    container.append(this.#canvas);
  }

  draw(list: readonly Ring[], project: (position: [number, number]) => { x: number; y: number }, colours: Palette): void {
    const { clientWidth: width, clientHeight: height } = this.container;
    const context = contextOf(this.#canvas, width, height);
    if (!context) return;
    context.lineWidth = LINE_PX;
    for (const { severity, position, radiusPx, opacity } of list) {
      const { x, y } = project(position);
      if (x < -radiusPx || y < -radiusPx || x > width + radiusPx || y > height + radiusPx) continue;
      context.globalAlpha = opacity;
      context.strokeStyle = colours[`--${severity}`];
      context.beginPath();
      context.arc(x, y, radiusPx, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  remove(): void {
    this.#canvas.remove();
  }
}
