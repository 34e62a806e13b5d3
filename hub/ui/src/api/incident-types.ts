// What the hub says about incidents, as `/api/openapi.json` describes it. Plain data, no behaviour.
import type { HubEvent, Measure, Severity } from './types';

export type IncidentState = 'new' | 'acknowledged' | 'dispatched' | 'resolved' | 'closed';
/** The state as the queue tells it: what is shelved, kept out as chatter, or over before anybody acknowledged it. */
export type ShownAs = IncidentState | 'cleared_unacknowledged' | 'shelved' | 'suppressed';
export type Finding = 'true' | 'false_alarm' | 'exercise';
export type TaskState = 'open' | 'accepted' | 'done' | 'refused';
export type DeadlineFor = 'acknowledge' | 'dispatch' | 'resolve' | 'close';
export type ActionName =
  | 'acknowledge' | 'take' | 'assign' | 'dispatch' | 'task' | 'resolve' | 'close' | 'reopen' | 'shelve' | 'unshelve'
  | 'comment' | 'severity' | 'split' | 'join' | 'undo';

export interface DepartmentTask {
  department: string;
  state: TaskState;
  note: string | null;
  dispatched_by: string;
  dispatched: string;
  updated: string;
  answer: string | null;
}

export interface Incident {
  id: string;
  /** Grows with the operators' work; sent back with every action. */
  revision: number;
  /** Grows with every change of any incident: the cursor of the feed. */
  change: number;
  number: number;
  state: IncidentState;
  shown_as: ShownAs;
  severity: Severity;
  severity_why: string | null;
  kind: string;
  kinds: string[];
  begin: string;
  last: string;
  end: string | null;
  cleared: boolean;
  created: string;
  updated: string;
  position: [number, number] | null;
  position_error_m: number | null;
  place: string | null;
  departments: string[];
  cameras: string[];
  sources: number;
  suppressed: { chatter: number; duplicates: number };
  suppressed_why: string | null;
  hidden: number;
  owner: string | null;
  acknowledged_by: string | null;
  acknowledged: string | null;
  shelved: { until: string; reason: string; by: string } | null;
  tasks: DepartmentTask[];
  finding: Finding | null;
  resolution: string | null;
  deadline: string | null;
  deadline_for: DeadlineFor | null;
  overdue: boolean;
  escalated: number;
  /** Who was told of that last; a hub before this does not say. */
  escalated_to?: Told | null;
  waiting_s: number;
  unusual: string | null;
  /** The same in Chinese; a hub before this has none. */
  unusual_zh?: string | null;
  comments: number;
}

/** Who is told when a deadline passed. */
export type Told = 'operators' | 'administrators';

export interface MergeReason {
  text_en: string;
  text_zh: string;
  with: string;
  kinds: string[];
  distance_m: number | null;
  error_m: number | null;
  apart_s: number | null;
  by: 'rule' | 'same_camera' | 'same_gateway' | 'hand';
}

export interface Source {
  id: string;
  event: string;
  camera: string | null;
  camera_name: string | null;
  gateway: string;
  department: string;
  kind: string;
  rule: string | null;
  severity: Severity;
  begin: string;
  end: string | null;
  received: string;
  late: boolean;
  class: string | null;
  track: number | null;
  position: [number, number] | null;
  error_m: number | null;
  located_by: 'ground' | 'view' | 'camera' | 'none';
  role: 'first' | 'duplicate' | 'chatter' | 'related';
  acknowledged: boolean;
  /** Who was the first of its department, or else of the centre; a hub before this does not say, nor what was measured. */
  acknowledged_by?: string | null;
  acknowledged_at?: string | null;
  measures?: Measure[];
  why: MergeReason | null;
}

/** One step of the record. */
export interface Step {
  seq: number;
  revision: number;
  at: string;
  by: string;
  department: string | null;
  action: string;
  detail: Record<string, unknown> | null;
  undone: boolean;
}

export interface IncidentDetail extends Incident {
  source_list: Source[];
  history: Step[];
  may: ActionName[];
}

export interface IncidentPage {
  incidents: Incident[];
  next: string | null;
  change: number;
  total: number;
}

/** What an action carries beside its name and the revision. */
export type ActionFields = Record<string, unknown>;

export interface BulkResult {
  id: string;
  status: number;
  incident?: Incident;
  error?: { code: string; message: string; next?: string };
}

export interface LoadSource {
  camera: string;
  rule: string;
  count: number;
  share?: number;
}

export interface AlarmLoad {
  flood: { on: boolean; since: string | null; starts_at: number; ends_below: number };
  last_10_min: number;
  last_hour: number;
  per_10_min_24h: number;
  windows_over_10_share: number;
  flood_time_share: number;
  peak_per_min: number;
  peak_per_hour: number;
  priorities: Record<Severity, number>;
  top_sources: LoadSource[];
  top_10_share: number;
  chattering: LoadSource[];
  stale: number;
  /** Open in this person's view, also what the page has no room for; an older hub does not say. */
  open?: number;
  suppressed_24h: number;
  groups: { by: string; key: string; count: number; urgent: number; incidents: string[] }[];
}

export interface Person {
  name: string;
  role: string;
  department: string;
}

export interface RegistryCamera {
  id: string;
  name: string;
  department: string;
  owner: string | null;
  steward: string | null;
  position: [number, number] | null;
  heading_deg: number | null;
  field_of_view_deg: number | null;
  height_m: number | null;
  tilt_deg: number | null;
  range_m: number | null;
  footprint: [number, number][] | null;
  calibrated: boolean;
  by_hand: string[];
}

export interface DuplicatePair {
  cameras: [string, string];
  names: [string, string];
  departments: [string, string];
  distance_m: number;
  heading_apart_deg: number | null;
  overlap: number;
  both_reported: number;
  of: [number, number];
}

export interface Duplicates {
  same_device: DuplicatePair[];
  overlapping: DuplicatePair[];
}

export interface Coverage {
  cameras: {
    id: string; complete_to: string | null; lag_s: number | null; gaps_24h_s: number; share_24h: number | null;
    area_m2: number | null;
  }[];
  departments: { department: string; cameras: number; area_m2: number; share_24h: number | null }[];
  area_m2: number;
  seen_twice_m2: number;
}

export interface SearchAnswer {
  events: HubEvent[];
  incidents: Incident[];
  next: string | null;
  /** Where the hub stopped looking, going back in time; null where it looked at everything or the page is full. */
  complete_to: string | null;
}

export interface AuditRecord {
  seq: number;
  at: string;
  by: string;
  department: string | null;
  from: string | null;
  what: string;
  about: string | null;
  why: string | null;
  hash: string;
}

export type DeadlineName = 'acknowledge_s' | 'dispatch_s' | 'resolve_s' | 'close_s';

/** What it leaves null fits all. */
export interface SeverityRule {
  kind: string | null;
  department: string | null;
  camera: string | null;
  rule: string | null;
  area: [number, number][] | null;
  /** Times of day, `HH:MM`. */
  from: string | null;
  to: string | null;
  severity: Severity;
}

/** What happens when a deadline passes: the first time, the second, and so on. */
export interface Rung {
  tell: Told;
  owner: 'stays' | 'nobody' | { person: string };
}

export interface IncidentSettings {
  deadlines: Record<Severity, Record<DeadlineName, number>>;
  /** A hub before this has none. */
  escalation?: Rung[];
  severity_rules: SeverityRule[];
  utc_offset_min: number;
}
