// What was found as files: CSV for spreadsheets, GeoJSON for maps. Pure but for `save`.
import type { Incident } from '../api/incident-types';
import type { HubEvent } from '../api/types';

export interface Line {
  place: [number, number] | null;
  values: Record<string, string | number | null>;
}

export function incidentTable(incidents: readonly Incident[]): Line[] {
  return incidents.map((one) => ({
    place: one.position,
    values: {
      number: one.number, id: one.id, kind: one.kind, severity: one.severity, state: one.shown_as, begin: one.begin, end: one.end, place: one.place,
      departments: one.departments.join(' '), cameras: one.cameras.join(' '), sources: one.sources, owner: one.owner, acknowledged_by: one.acknowledged_by,
      acknowledged: one.acknowledged, finding: one.finding, resolution: one.resolution, longitude: one.position?.[0] ?? null, latitude: one.position?.[1] ?? null,
    },
  }));
}

export function eventTable(events: readonly HubEvent[]): Line[] {
  return events.map((one) => ({
    place: one.position_wgs84,
    values: {
      id: one.id, cause: one.cause, kind: one.kind, phase: one.phase, severity: one.severity, captured: one.captured, received: one.received,
      department: one.department, gateway: one.gateway, camera: one.camera, camera_name: one.camera_name, rule: one.rule, class: one.subject?.class ?? null,
      longitude: one.position_wgs84?.[0] ?? null, latitude: one.position_wgs84?.[1] ?? null,
    },
  }));
}

/** RFC 4180. A cell that a spreadsheet would run as a formula is made a text. */
export function csvOf(lines: readonly Line[]): string {
  const names = Object.keys(lines[0]?.values ?? {});
  const cell = (value: string | number | null): string => {
    if (value === null) return '';
    const text = typeof value === 'string' && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = [names.join(','), ...lines.map(({ values }) => names.map((name) => cell(values[name] ?? null)).join(','))];
  // The mark tells spreadsheets that this is UTF-8: without it Chinese is shown as noise.
  return `\uFEFF${rows.join('\r\n')}\r\n`;
}

export function geoJsonOf(lines: readonly Line[]): string {
  const features = lines.map(({ place, values }) => ({
    type: 'Feature', properties: values, geometry: place ? { type: 'Point', coordinates: place } : null,
  }));
  return JSON.stringify({ type: 'FeatureCollection', features });
}

export function save(name: string, text: string, type: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
