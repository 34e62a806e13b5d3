// The map's own style, over the base map or over plain ground: no glyphs, no sprites from anywhere.
import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { FeatureCollection } from 'geojson';
import { FONT } from './font';
import type { Palette } from './palette';

export const NOTHING: FeatureCollection = { type: 'FeatureCollection', features: [] };

export function mapStyle(colours: Palette): StyleSpecification {
  return {
    version: 8,
    sources: {
      graticule: { type: 'geojson', data: NOTHING },
      cameras: { type: 'geojson', data: NOTHING },
      open: { type: 'geojson', data: NOTHING },
      selected: { type: 'geojson', data: NOTHING },
      incidents: { type: 'geojson', data: NOTHING },
      sight: { type: 'geojson', data: NOTHING },
      footprints: { type: 'geojson', data: NOTHING },
    },
    layers: layers(colours),
  };
}

/** Nearer than this, also thousands of cameras stand apart. */
export const NEAR_ZOOM = 14;

/** From afar thousands of signs would hide each other: those that work step back, what is wrong stays large. */
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
      id: 'sight', type: 'line', source: 'sight',
      paint: { 'line-color': colours['--accent'], 'line-width': 2, 'line-dasharray': [2, 2] },
    },
    {
      id: 'selected', type: 'circle', source: 'selected',
      paint: { 'circle-radius': 19, 'circle-color': 'transparent', 'circle-stroke-width': 3, 'circle-stroke-color': colours['--accent'] },
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
      id: 'open-events', type: 'symbol', source: 'open',
      layout: {
        'icon-image': ['concat', 'severity-', ['get', 'severity']], 'icon-offset': [16, -16], 'icon-allow-overlap': true,
        'icon-ignore-placement': true,
      },
    },
    {
      id: 'incidents', type: 'symbol', source: 'incidents',
      layout: {
        'icon-image': ['concat', 'severity-', ['get', 'severity']], 'icon-size': 1.35, 'icon-allow-overlap': true, 'icon-ignore-placement': true,
        'text-field': ['get', 'number'], 'text-font': FONT, 'text-size': 12, 'text-anchor': 'bottom', 'text-offset': [0, -1.1], 'text-optional': true,
        'symbol-sort-key': ['match', ['get', 'severity'], 'urgent', 3, 'high', 2, 'medium', 1, 0],
      },
      paint: { 'icon-opacity': ['case', ['get', 'waits'], 1, 0.75], 'text-color': colours['--text'], 'text-halo-color': colours['--bg'], 'text-halo-width': 2 },
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
