// The map's own style, over the base map or over plain ground: no glyphs, no sprites from anywhere.
import type { ExpressionSpecification, FilterSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { FeatureCollection } from 'geojson';
import type { CameraState } from '../api/types';
import { FONT } from './font';
import type { Palette } from './palette';

export const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] };

export function mapStyle(colours: Palette): StyleSpecification {
  return {
    version: 8,
    sources: {
      graticule: { type: 'geojson', data: NOTHING },
      // By their own names, so that one that changes is not all of them laid out anew.
      cameras: { type: 'geojson', data: NOTHING, promoteId: 'id' },
      footprints: { type: 'geojson', data: NOTHING },
    },
    layers: layers(colours),
  };
}

/** Nearer than this, also thousands of cameras stand apart. */
export const NEAR_ZOOM = 14;

/** From afar a state that so many cameras have is drawn as dots: signs would hide each other, and each one is laid out. */
export const CROWD = 400;

/** Which cameras are dots from afar: those in a state that a crowd of them has. */
export function isDot(crowded: readonly CameraState[]): FilterSpecification {
  return ['in', ['get', 'state'], ['literal', [...crowded]]];
}

/** Which are signs: those in rarer states always, all of them from near. */
export function isSign(crowded: readonly CameraState[]): FilterSpecification | null {
  return crowded.length === 0 ? null : ['any', ['>=', ['zoom'], NEAR_ZOOM], ['!', isDot(crowded) as ExpressionSpecification]];
}

/** Signs of what is rare are smaller from afar where cameras are many. */
export function cameraSize(many: boolean): number | ExpressionSpecification {
  return many ? ['interpolate', ['linear'], ['zoom'], NEAR_ZOOM - 3, ['match', ['get', 'state'], 'ok', 0.35, 0.7], NEAR_ZOOM, 1] : 1;
}

/** In drawing order; a change of theme takes paint values from here too. */
export function layers(colours: Palette): LayerSpecification[] {
  return [
    { id: 'background', type: 'background', paint: { 'background-color': colours['--bg'] } },
    {
      id: 'graticule', type: 'line', source: 'graticule', filter: ['==', ['geometry-type'], 'LineString'],
      paint: { 'line-color': colours['--line'], 'line-width': 1 },
    },
    ...marks(colours),
    // Where two cameras see the same it is darker by itself.
    { id: 'footprints', type: 'fill', source: 'footprints', paint: { 'fill-color': colours['--accent'], 'fill-opacity': 0.14 } },
    { id: 'footprint-edges', type: 'line', source: 'footprints', paint: { 'line-color': colours['--accent'], 'line-width': 1, 'line-opacity': 0.7 } },
    {
      id: 'fields', type: 'symbol', source: 'cameras', filter: ['has', 'wedge'],
      layout: {
        'icon-image': ['get', 'wedge'], 'icon-rotate': ['get', 'heading'], 'icon-rotation-alignment': 'map',
        'icon-allow-overlap': true, 'icon-ignore-placement': true,
      },
    },
    {
      // A dot differs from its like in more than colour: full where it works, small where it starts, else a ring.
      id: 'camera-dots', type: 'circle', source: 'cameras', maxzoom: NEAR_ZOOM, filter: isDot([]),
      layout: { 'circle-sort-key': ['match', ['get', 'state'], 'ok', 0, 'starting', 1, 'down', 2, 3] },
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], NEAR_ZOOM - 4, ['match', ['get', 'state'], 'starting', 1.6, 2.2], NEAR_ZOOM, ['match', ['get', 'state'], 'starting', 3.5, 5]],
        'circle-color': ['match', ['get', 'state'], 'ok', colours['--ok'], 'starting', colours['--starting'], colours['--panel']],
        'circle-stroke-width': ['match', ['get', 'state'], ['ok', 'starting'], 0, 1.5],
        'circle-stroke-color': ['match', ['get', 'state'], 'down', colours['--down'], colours['--no-contact']],
      },
    },
    {
      id: 'cameras', type: 'symbol', source: 'cameras',
      layout: {
        'icon-image': ['concat', 'state-', ['get', 'state']], 'icon-allow-overlap': true, 'icon-ignore-placement': true,
        // What is wrong is drawn above what is well.
        'symbol-sort-key': ['match', ['get', 'state'], 'ok', 0, 'starting', 1, 'down', 2, 3],
      },
    },
    {
      id: 'names', type: 'symbol', source: 'cameras',
      layout: {
        'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 13, 'text-anchor': 'top', 'text-offset': [0, 1.3],
        'text-max-width': 12,
      },
      paint: { 'text-color': colours['--text'], 'text-halo-color': colours['--bg'], 'text-halo-width': 2 },
    },
  ];
}

function marks(colours: Palette): LayerSpecification[] {
  return (['bottom', 'left'] as const).map((anchor) => ({
    id: `graticule-${anchor}`, type: 'symbol', source: 'graticule', filter: ['==', ['get', 'anchor'], anchor],
    layout: {
      'text-field': ['get', 'text'], 'text-font': FONT, 'text-size': 11, 'text-anchor': anchor,
      'text-offset': anchor === 'bottom' ? [0, -0.3] : [0.4, 0], 'text-allow-overlap': true,
    },
    paint: { 'text-color': colours['--muted'], 'text-halo-color': colours['--bg'], 'text-halo-width': 2 },
  }));
}
