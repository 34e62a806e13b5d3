// Rings that spread from a camera when an event begins there. One wave in 1.2 s: far below three flashes a second.
import type { Feature } from 'geojson';
import type { Pulse } from '../state/queue.svelte';

export const PULSE_MS = 4800;
const WAVE_MS = 1200;
const RADIUS_PX_MIN = 14;
const RADIUS_PX_MAX = 42;

/** The rings at `nowMs`; `calm` (reduced motion) gives a ring that stands still instead. */
export function pulseFeatures(
  pulses: readonly Pulse[], placed: ReadonlyMap<string, [number, number]>, nowMs: number, calm: boolean,
): { features: Feature[]; running: boolean } {
  const features: Feature[] = [];
  let running = false;
  for (const { camera, severity, atMs } of pulses) {
    const ageMs = nowMs - atMs;
    if (ageMs >= PULSE_MS) continue;
    running = true;
    const position = placed.get(camera);
    if (!position) continue;
    const wave = calm ? 0.4 : (ageMs % WAVE_MS) / WAVE_MS;
    features.push({
      type: 'Feature',
      properties: { severity, radius: RADIUS_PX_MIN + (RADIUS_PX_MAX - RADIUS_PX_MIN) * wave, opacity: calm ? 0.9 : 1 - wave },
      geometry: { type: 'Point', coordinates: position },
    });
  }
  return { features, running };
}
