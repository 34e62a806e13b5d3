// Which rows a filter lets through. Pure; labels are looked up by what the caller passes.
import type { Severity } from '../api/types';
import { SEVERITIES, severityRank, type Row } from './fold';
import { Haystacks, hasAll, wordsOf } from './words';

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
  /** Changes when a label does: what was made of them is made anew then. */
  readonly stamp: string;
  kindLabel(kind: string): string;
  departmentName(id: string): string;
}

export function isActive(filter: Filter): boolean {
  return (
    filter.department !== '' || filter.kind !== '' || filter.camera !== '' || filter.severity !== 'low'
    || filter.text.trim() !== ''
  );
}

/** Whether a row passes; what can be decided once for all rows is. */
export function matcher(filter: Filter, labels: Labels): (row: Row) => boolean {
  const words = wordsOf(filter.text);
  const least = severityRank(filter.severity);
  return (row) => {
    const event = row.latest;
    if (filter.department && event.department !== filter.department) return false;
    if (filter.kind && event.kind !== filter.kind) return false;
    if (filter.camera && event.camera !== filter.camera) return false;
    if (severityRank(row.severity) < least) return false;
    return words.length === 0 || hasAll(haystacks.of(row, labels.stamp, () => haystack(row, labels)), words);
  };
}

/** The same as the hub's search takes it, so that what is on the screen can be asked for again by a program. */
export function queryOf(filter: Filter): URLSearchParams {
  const severity = filter.severity === 'low' ? '' : SEVERITIES.slice(severityRank(filter.severity)).join(',');
  const pairs = [['q', filter.text.trim()], ['department', filter.department], ['kind', filter.kind], ['camera', filter.camera], ['severity', severity]] as const;
  return new URLSearchParams(pairs.filter(([, value]) => value !== '').map(([name, value]) => [name, value]));
}

function haystack(row: Row, labels: Labels): string {
  const event = row.latest;
  return [
    row.key, labels.kindLabel(event.kind), event.kind, event.camera, event.camera_name, event.gateway, event.rule,
    labels.departmentName(event.department), event.subject?.class, event.direction, ...Object.values(event.attributes),
  ].join(' ');
}

const haystacks = new Haystacks<Row>();
