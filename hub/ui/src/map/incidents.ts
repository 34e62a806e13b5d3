// Incidents on the map: a sign at each one's place, and lines from the selected one to the cameras that saw it.
import type { FeatureCollection } from 'geojson';
import type { Incident } from '../api/incident-types';
import { isUnacknowledged } from '../lib/incident-order';
import type { Datum } from './basemap';

export function incidentFeatures(incidents: readonly Incident[], { toMap }: Datum): FeatureCollection {
  return {
    type: 'FeatureCollection',
    features: incidents.flatMap(({ id, number, severity, position, ...incident }) => (position ? [{
      type: 'Feature' as const,
      properties: { id, severity, number: `#${number}`, waits: isUnacknowledged({ id, number, severity, position, ...incident }) },
      geometry: { type: 'Point' as const, coordinates: toMap(position) },
    }] : [])),
  };
}

export function sightLines(
  state: { incidents: readonly Incident[]; seenBy: readonly string[] }, placed: ReadonlyMap<string, [number, number]>, { toMap }: Datum,
): FeatureCollection {
  const seen = new Set(state.seenBy);
  const incident = state.incidents.find(({ cameras }) => cameras.length > 0 && cameras.length === seen.size && cameras.every((id) => seen.has(id)));
  const to = incident?.position ? toMap(incident.position) : null;
  if (!to) return { type: 'FeatureCollection', features: [] };
  return {
    type: 'FeatureCollection',
    features: state.seenBy.flatMap((id) => {
      const from = placed.get(id);
      return from ? [{ type: 'Feature' as const, properties: {}, geometry: { type: 'LineString' as const, coordinates: [from, to] } }] : [];
    }),
  };
}
