// Which incidents a view of the queue shows, and in which order. Pure: knows neither network nor clock nor Svelte.
import type { Incident, ShownAs } from '../api/incident-types';
import type { Severity } from '../api/types';
import { severityRank } from './fold';

/** Views of the queue; each names which `shown_as` it lets through. */
export type QueueView = 'open' | 'unacknowledged' | 'mine' | 'shelved' | 'suppressed' | 'closed';
export type Order = 'urgent' | 'newest';

export const VIEWS: readonly QueueView[] = ['open', 'unacknowledged', 'mine', 'shelved', 'suppressed', 'closed'];

export interface IncidentFilter {
  view: QueueView;
  /** Empty strings let everything through. */
  department: string;
  kind: string;
  camera: string;
  severity: Severity;
  text: string;
  order: Order;
}

export interface IncidentWords {
  kindLabel(kind: string): string;
  departmentName(id: string): string;
  cameraName(id: string): string;
}

/** Nobody has taken note of it yet. */
export function isUnacknowledged(incident: Incident): boolean {
  return incident.shown_as === 'new' || incident.shown_as === 'cleared_unacknowledged';
}

/** Somebody still has to do something. */
export function isOpen(incident: Incident): boolean {
  return isUnacknowledged(incident) || incident.shown_as === 'acknowledged' || incident.shown_as === 'dispatched';
}

function inView(incident: Incident, view: QueueView, me: string): boolean {
  switch (view) {
    case 'open':
      return isOpen(incident) || incident.shown_as === 'resolved';
    case 'unacknowledged':
      return isUnacknowledged(incident);
    case 'mine':
      return incident.owner === me && incident.state !== 'closed';
    default:
      return incident.shown_as === view;
  }
}

export function passes(incident: Incident, filter: IncidentFilter, me: string, words: IncidentWords): boolean {
  if (!inView(incident, filter.view, me)) return false;
  if (filter.department && !incident.departments.includes(filter.department)) return false;
  if (filter.kind && !incident.kinds.includes(filter.kind)) return false;
  if (filter.camera && !incident.cameras.includes(filter.camera)) return false;
  if (severityRank(incident.severity) < severityRank(filter.severity)) return false;
  const wanted = filter.text.trim().toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return true;
  const haystack = [
    `#${incident.number}`, incident.id, incident.place, incident.owner, incident.resolution,
    ...incident.kinds.map((kind) => `${kind} ${words.kindLabel(kind)}`), ...incident.departments.map((id) => words.departmentName(id)),
    ...incident.cameras.map((id) => `${id} ${words.cameraName(id)}`),
  ].join(' ').toLowerCase();
  return wanted.every((word) => haystack.includes(word));
}

/** What waits for somebody first, then what is being worked on, then what only waits to be closed. */
const STAGE: Record<ShownAs, number> = {
  new: 0, cleared_unacknowledged: 0, acknowledged: 1, dispatched: 1, shelved: 2, suppressed: 2, resolved: 3, closed: 4,
};

export function compare(order: Order): (a: Incident, b: Incident) => number {
  const newest = (a: Incident, b: Incident) => Date.parse(b.created) - Date.parse(a.created) || b.number - a.number;
  if (order === 'newest') return newest;
  return (a, b) => {
    const stage = STAGE[a.shown_as] - STAGE[b.shown_as];
    if (stage !== 0) return stage;
    const severity = severityRank(b.severity) - severityRank(a.severity);
    if (severity !== 0) return severity;
    // Who waits longest comes first; what is done shows the newest first.
    return STAGE[a.shown_as] < 2 ? -newest(a, b) : newest(a, b);
  };
}

/** The same filter as the hub's query, so that what is on the screen can be asked for again by a program. */
export function queryOf(filter: IncidentFilter, severities: readonly Severity[]): URLSearchParams {
  const query = new URLSearchParams();
  const states: Record<QueueView, string> = {
    open: 'new,cleared_unacknowledged,acknowledged,dispatched,resolved', unacknowledged: 'new,cleared_unacknowledged',
    mine: 'new,acknowledged,dispatched,resolved', shelved: 'shelved', suppressed: 'suppressed', closed: 'closed',
  };
  query.set('state', states[filter.view]);
  if (filter.view === 'mine') query.set('owner', 'me');
  if (filter.severity !== 'low') query.set('severity', severities.slice(severityRank(filter.severity)).join(','));
  if (filter.kind) query.set('kind', filter.kind);
  if (filter.department) query.set('department', filter.department);
  if (filter.camera) query.set('camera', filter.camera);
  if (filter.text.trim()) query.set('q', filter.text.trim());
  query.set('order', filter.order);
  return query;
}
