// What the page adds to `window`, for its tests.
import type { Map as MapLibre } from 'maplibre-gl';

declare global {
  interface Window {
    __yiwang?: { map: MapLibre };
  }
}

export {};
