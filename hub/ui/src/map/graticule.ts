// Lines of longitude and latitude for the part of the world in view: a map without tiles has a scale and a grid.
import type { LngLatBounds } from 'maplibre-gl';
import type { FeatureCollection, Feature } from 'geojson';
import type { Datum } from './basemap';

const STEPS_DEG = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001];
const LINES_MIN = 4;

export function graticule(bounds: LngLatBounds, datum: Datum): FeatureCollection {
  const [west, low] = datum.fromMap([bounds.getWest(), bounds.getSouth()]);
  const [east, high] = datum.fromMap([bounds.getEast(), bounds.getNorth()]);
  const south = Math.max(-85, low);
  const north = Math.min(85, high);
  const stepDeg = STEPS_DEG.find((step) => (east - west) / step >= LINES_MIN) ?? 0.0001;
  const digits = Math.max(0, -Math.floor(Math.log10(stepDeg)));
  const features: Feature[] = [];
  for (const longitude of multiples(west, east, stepDeg)) {
    features.push(line([datum.toMap([longitude, south]), datum.toMap([longitude, north])]));
    features.push(mark(datum.toMap([longitude, south]), `${longitude.toFixed(digits)}°`, 'bottom'));
  }
  for (const latitude of multiples(south, north, stepDeg)) {
    features.push(line([datum.toMap([west, latitude]), datum.toMap([east, latitude])]));
    features.push(mark(datum.toMap([west, latitude]), `${latitude.toFixed(digits)}°`, 'left'));
  }
  return { type: 'FeatureCollection', features };
}

function multiples(from: number, to: number, step: number): number[] {
  const first = Math.ceil(from / step);
  const count = Math.max(0, Math.floor(to / step) - first + 1);
  return Array.from({ length: Math.min(count, 60) }, (_, i) => (first + i) * step);
}

function line(coordinates: [number, number][]): Feature {
  return { type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates } };
}

function mark(coordinates: [number, number], text: string, anchor: 'bottom' | 'left'): Feature {
  return { type: 'Feature', properties: { text, anchor }, geometry: { type: 'Point', coordinates } };
}
