// Which rows a filter lets through. Pure; labels are looked up by what the caller passes.
import type { Severity } from '../api/types';
import { severityRank, type Row } from './fold';

export interface Filter {
  /** Empty strings let everything through. */
  department: string;
  kind: string;
  camera: string;
  /** At least this severity. */
  severity: Severity;
  text: string;
}

export interface Labels {
  kindLabel(kind: string): string;
  departmentName(id: string): string;
}

export function isActive(filter: Filter): boolean {
  return (
    filter.department !== '' || filter.kind !== '' || filter.camera !== '' || filter.severity !== 'low'
    || filter.text.trim() !== ''
  );
}

export function matches(row: Row, filter: Filter, labels: Labels): boolean {
  const event = row.latest;
  if (filter.department && event.department !== filter.department) return false;
  if (filter.kind && event.kind !== filter.kind) return false;
  if (filter.camera && event.camera !== filter.camera) return false;
  if (severityRank(row.severity) < severityRank(filter.severity)) return false;
  const words = filter.text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const haystack = [
    row.key, labels.kindLabel(event.kind), event.kind, event.camera, event.camera_name, event.gateway, event.rule,
    labels.departmentName(event.department), event.subject?.class, event.direction, ...Object.values(event.attributes),
  ].join(' ').toLowerCase();
  return words.every((word) => haystack.includes(word));
}
