// Which incidents a view of the queue shows, and in which order. Pure: knows neither network nor clock nor Svelte.
import type { Incident, ShownAs } from '../api/incident-types';
import type { Role, Severity } from '../api/types';
import { severityRank } from './fold';
import { Haystacks, hasAll, wordsOf } from './words';

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
  /** Changes when a label does. */
  readonly stamp: string;
  kindLabel(kind: string): string;
  departmentName(id: string): string;
  cameraName(id: string): string;
}

/** Nobody has taken note of it yet. */
export function isUnacknowledged(incident: Incident): boolean {
  return incident.shown_as === 'new' || incident.shown_as === 'cleared_unacknowledged';
}

/** Whether this person is to hear that a deadline of it passed. */
export function isTold({ escalated_to }: Incident, role: Role | null): boolean {
  return escalated_to === 'administrators' ? role === 'administrator' : escalated_to === 'operators' && (role === 'operator' || role === 'administrator');
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

/** Whether an incident passes; what can be decided once for all of them is. */
export function passer(filter: IncidentFilter, me: string, words: IncidentWords): (incident: Incident) => boolean {
  const wanted = wordsOf(filter.text);
  const least = severityRank(filter.severity);
  return (incident) => {
    if (!inView(incident, filter.view, me)) return false;
    if (filter.department && !incident.departments.includes(filter.department)) return false;
    if (filter.kind && !incident.kinds.includes(filter.kind)) return false;
    if (filter.camera && !incident.cameras.includes(filter.camera)) return false;
    if (severityRank(incident.severity) < least) return false;
    return wanted.length === 0 || hasAll(haystacks.of(incident, words.stamp, () => haystack(incident, words)), wanted);
  };
}

function haystack(incident: Incident, words: IncidentWords): string {
  return [
    `#${incident.number}`, incident.id, incident.place, incident.owner, incident.resolution,
    ...incident.kinds.map((kind) => `${kind} ${words.kindLabel(kind)}`), ...incident.departments.map((id) => words.departmentName(id)),
    ...incident.cameras.map((id) => `${id} ${words.cameraName(id)}`),
  ].join(' ');
}

const haystacks = new Haystacks<Incident>();
const createds = new WeakMap<Incident, number>();

/** When it came, ms since 1970; read once, because sorting asks for it thousands of times. */
export function createdMs(incident: Incident): number {
  const known = createds.get(incident);
  if (known !== undefined) return known;
  const ms = Date.parse(incident.created);
  createds.set(incident, ms);
  return ms;
}

/** What waits for somebody first, then what is being worked on, then what only waits to be closed. */
const STAGE: Record<ShownAs, number> = {
  new: 0, cleared_unacknowledged: 0, acknowledged: 1, dispatched: 1, shelved: 2, suppressed: 2, resolved: 3, closed: 4,
};

export function compare(order: Order): (a: Incident, b: Incident) => number {
  const newest = (a: Incident, b: Incident) => createdMs(b) - createdMs(a) || b.number - a.number;
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

/** What the page tells of all incidents that it knows, found in one walk over them. */
export interface Sums {
  open: Incident[];
  unacknowledged: Incident[];
  views: Record<QueueView, number>;
  /** By severity, of what is open. */
  bySeverity: Record<Severity, { open: number; waiting: number; overdue: number }>;
  /** Cameras with open incidents, with the highest severity. */
  openByCamera: Map<string, { count: number; severity: Severity }>;
  kinds: Set<string>;
}

export function sumsOf(all: Iterable<Incident>, me: string): Sums {
  const none = () => ({ open: 0, waiting: 0, overdue: 0 });
  const sums: Sums = {
    open: [], unacknowledged: [], views: { open: 0, unacknowledged: 0, mine: 0, shelved: 0, suppressed: 0, closed: 0 },
    bySeverity: { low: none(), medium: none(), high: none(), urgent: none() }, openByCamera: new Map(), kinds: new Set(),
  };
  for (const incident of all) {
    for (const view of VIEWS) if (inView(incident, view, me)) sums.views[view] += 1;
    for (const kind of incident.kinds) sums.kinds.add(kind);
    if (isOpen(incident)) addOpen(sums, incident);
  }
  return sums;
}

function addOpen(sums: Sums, incident: Incident): void {
  const of = sums.bySeverity[incident.severity];
  sums.open.push(incident);
  of.open += 1;
  if (incident.overdue) of.overdue += 1;
  if (isUnacknowledged(incident)) {
    sums.unacknowledged.push(incident);
    of.waiting += 1;
  }
  for (const camera of incident.cameras) {
    const known = sums.openByCamera.get(camera);
    const severity = known && severityRank(known.severity) > severityRank(incident.severity) ? known.severity : incident.severity;
    sums.openByCamera.set(camera, { count: (known?.count ?? 0) + 1, severity });
  }
}

/** What several incidents of a flood have in common: their kind and the gateway that tells of them. */
export function causeOf({ kind, cameras }: Incident): { kind: string; gateway: string; key: string } {
  const gateway = cameras[0]?.split('/')[0] ?? '';
  return { kind, gateway, key: `${kind} ${gateway}` };
}

/** Waits and is urgent: in a flood these stand before everything else, each by itself. */
export function isPinned(incident: Incident): boolean {
  return isUnacknowledged(incident) && incident.severity === 'urgent';
}

/** In a flood: what is urgent first, then what waits by its cause, the most severe and largest group first, then the rest. */
export function inGroups(all: readonly Incident[]): Incident[] {
  const urgent = compare('urgent');
  const groups = new Map<string, Incident[]>();
  const [pinned, rest]: [Incident[], Incident[]] = [[], []];
  for (const incident of all) {
    if (isPinned(incident)) pinned.push(incident);
    else if (!isUnacknowledged(incident)) rest.push(incident);
    else {
      const { key } = causeOf(incident);
      const group = groups.get(key);
      if (group) group.push(incident);
      else groups.set(key, [incident]);
    }
  }
  const worst = (group: readonly Incident[]) => Math.max(...group.map(({ severity }) => severityRank(severity)));
  const ordered = [...groups.values()].map((group) => ({ group: group.sort(urgent), worst: worst(group) }))
    .sort((a, b) => b.worst - a.worst || b.group.length - a.group.length || urgent(a.group[0] as Incident, b.group[0] as Incident));
  return [...pinned.sort(urgent), ...ordered.flatMap(({ group }) => group), ...rest.sort(urgent)];
}

/** Which are let go where a page has no room for all: what is longest done, then what is least urgent; `kept` never. */
export function surplus(all: readonly Incident[], most: number, kept: (incident: Incident) => boolean): Incident[] {
  if (all.length <= most) return [];
  const urgent = compare('urgent');
  const age = (a: Incident, b: Incident) => (STAGE[a.shown_as] >= 2 && STAGE[b.shown_as] >= 2 ? b.change - a.change : urgent(a, b));
  return all.toSorted(age).slice(most).filter((incident) => !kept(incident));
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
