// What the page adds to `window`, for its tests.
import type { Map as MapLibre } from 'maplibre-gl';

declare global {
  interface Window {
    __yiwang?: { map: MapLibre; marks: { readonly drawn: readonly { sign: { kind: string; id: string; severity: string }; x: number; y: number }[]; readonly ringed: readonly string[] } };
  }
}

export {};
