// What is marked on the map and where: a sign at each incident's place and beside each camera whose events go on, a ring
// around the cameras of what is selected, and lines from the selected incident to the cameras that saw it. Pure.
import type { Incident } from '../api/incident-types';
import type { Severity } from '../api/types';
import { isUnacknowledged } from '../lib/incident-order';
import type { Position } from '../lib/gcj02';
import type { Datum } from './basemap';
import type { Marks, Sign } from './marks';

export interface Marked {
  open: ReadonlyMap<string, { severity: Severity }>;
  incidents: readonly Incident[];
  seenBy: readonly string[];
  selected: string | null;
  stale: boolean;
}

export function marksOf(state: Marked, placed: ReadonlyMap<string, Position>, datum: Datum): Marks {
  const ringed = new Set([...(state.selected ? [state.selected] : []), ...state.seenBy]);
  return {
    signs: [...openSigns(state.open, placed), ...incidentSigns(state.incidents, datum)],
    rings: [...ringed].flatMap((id) => {
      const position = placed.get(id);
      return position ? [{ id, position }] : [];
    }),
    lines: sightLines(state, placed, datum),
    stale: state.stale,
  };
}

function openSigns(open: Marked['open'], placed: ReadonlyMap<string, Position>): Sign[] {
  return [...open].flatMap(([id, { severity }]) => {
    const position = placed.get(id);
    return position ? [{ kind: 'open', id, severity, position, number: null, waits: true }] : [];
  });
}

function incidentSigns(incidents: readonly Incident[], { toMap }: Datum): Sign[] {
  return incidents.flatMap((incident) => (incident.position ? [{
    kind: 'incident', id: incident.id, severity: incident.severity, position: toMap(incident.position), number: incident.number, waits: isUnacknowledged(incident),
  }] : []));
}

function sightLines({ incidents, seenBy }: Marked, placed: ReadonlyMap<string, Position>, { toMap }: Datum): [Position, Position][] {
  const seen = new Set(seenBy);
  if (seen.size === 0) return [];
  const incident = incidents.find(({ cameras }) => cameras.length === seen.size && cameras.every((id) => seen.has(id)));
  const to = incident?.position ? toMap(incident.position) : null;
  if (!to) return [];
  return seenBy.flatMap((id): [Position, Position][] => {
    const from = placed.get(id);
    return from ? [[from, to]] : [];
  });
}
