// What the hub says about shifts, findings, what is usual, and tokens to join with. Plain data, no behaviour.
import type { Finding, Incident, IncidentState, ShownAs } from './incident-types';
import type { Severity } from './types';

export interface Signature {
  by: string;
  at: string;
  note: string | null;
}

/** An incident in a pack: as it is now, and as it was when the pack was made. */
export interface PackItem {
  incident: Incident;
  then: { state: IncidentState; severity: Severity; owner: string | null; shown_as: ShownAs };
  /** How many earlier hand-overs held it open; 0 is new in this shift. */
  handed_over: number;
  first_handover: number | null;
  done: boolean;
}

export interface Pack {
  counts: {
    came: number; closed: number; true: number; false_alarms: number; exercises: number; open: number; overdue: number; escalated: number;
  };
  open: PackItem[];
  shelved: PackItem[];
  silent_cameras: {
    camera: string; name: string; department: string; last_contact: string | null; complete_to: string | null; why: string;
  }[];
  false_alarms: PackItem[];
  comments: { incident: string; number: number; at: string; by: string; text: string }[];
  hidden: number;
}

export interface Handover {
  id: number;
  department: string;
  from: string;
  to: string;
  to_person: string | null;
  sha256: string;
  outgoing: Signature;
  incoming: Signature | null;
  open_items: number;
  still_open: number;
  pack?: Pack;
}

/** A pack as it would be now; what only a hand-over has may be missing. */
export type Draft = Partial<Omit<Handover, 'pack'>> & { from: string; pack: Pack };

export interface Proposal {
  measure: string;
  unit: string;
  threshold: number;
  to: number;
  would_drop_false: number;
  would_keep_false: number;
  would_drop_true: number;
  would_keep_true: number;
  would_drop_unjudged: number;
  would_keep_unjudged: number;
  set: { file: string; key: string; line: string; where_zh: string; where_en: string } | null;
}

export interface Preview extends Proposal {
  dropped: { id: string; number: number; begin: string; finding: Finding | null; value: number }[];
  without: number;
}

export interface Ranked {
  camera: string;
  camera_name: string | null;
  department: string;
  rule: string;
  kind: string;
  incidents: number;
  closed: number;
  true: number;
  false_alarms: number;
  exercises: number;
  share: number | null;
  measures: { name: string; unit: string; key: string | null; threshold: number }[];
  proposal: Proposal | null;
}

export interface FalseAlarms {
  days: number;
  from: string;
  ranking: Ranked[];
}

export interface Unusual {
  camera: string;
  camera_name: string | null;
  department: string;
  kind: string;
  hour: string;
  count: number;
  usual: number;
  low: number;
  high: number;
  weeks: number;
  many: boolean;
  text_en: string;
  text_zh: string;
}

export interface JoinToken {
  short: string;
  department: string;
  created: string;
  expires: string;
  state: 'open' | 'used' | 'expired';
  used_by: string | null;
}

export interface NewJoinToken {
  token: string;
  short: string;
  department: string;
  expires: string;
  command: string;
}
