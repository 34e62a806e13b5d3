// What the hub's HTTP API says, as `/api/openapi.json` describes it. Plain data, no behaviour.

export type Severity = 'low' | 'medium' | 'high' | 'urgent';
export type Phase = 'begin' | 'update' | 'end';
export type CameraState = 'ok' | 'starting' | 'down' | 'no_contact';
export type GatewayState = 'connected' | 'no_contact' | 'revoked' | 'never';
export type Role = 'administrator' | 'operator' | 'department';
export type TimeSource = 'sender_report' | 'arrival' | 'file' | 'gateway_clock';

export interface Session {
  user: string;
  role: Role;
  department: string;
  sees: string[];
  /** Those of them whose cameras may be looked through. */
  looks: string[];
  hub: { name: string; version: string; policy_revision: string | number; basemap?: BasemapAt };
}

/** Where the base map is and in which coordinates it is drawn; a hub without one says none. */
export interface BasemapAt {
  url: string;
  coordinates: 'wgs84' | 'gcj02';
}

export interface Department {
  id: string;
  name: string;
}

export interface Gateway {
  id: string;
  name: string;
  department: string;
  state: GatewayState;
  last_contact: string | null;
  connected_since: string | null;
  address: string | null;
  software: string | null;
  config_revision: string | null;
  clock_offset_ms: number | null;
  spooled_events: number | null;
  dropped_events: number | null;
  cameras: number;
  certificate_ends: string | null;
}

export interface Gap {
  from: string;
  to: string | null;
  reason: string;
}

export interface Camera {
  id: string;
  gateway: string;
  camera: string;
  name: string;
  department: string;
  position: [number, number] | null;
  heading_deg: number | null;
  field_of_view_deg: number | null;
  state: CameraState;
  cause: string | null;
  cause_text: string | null;
  since: string | null;
  complete_to: string | null;
  gaps: Gap[];
  last_contact: string | null;
  last_event: string | null;
  analysed_fps: number | null;
}

export interface Kind {
  kind: string;
  label_zh: string;
  label_en: string;
  severity: Severity;
  merge_family: string;
  momentary: boolean;
}

export interface Measure {
  name: string;
  value: number;
  threshold: number | null;
  unit: string;
}

export interface Subject {
  track: number;
  class: string;
  confidence: number;
  bbox: [number, number, number, number];
  predicted: boolean;
}

export interface HubEvent {
  id: string;
  position: string;
  cause: string | null;
  gateway: string;
  camera: string | null;
  camera_name: string | null;
  department: string;
  kind: string;
  phase: Phase;
  severity: Severity;
  rule: string | null;
  config_revision: string;
  captured: string;
  time_source: TimeSource;
  time_error_ms: number;
  received: string;
  backfilled: boolean;
  direction: string | null;
  subject: Subject | null;
  point: [number, number] | null;
  frame_px: [number, number] | null;
  measures: Measure[];
  model: { name: string; sha256: string; input_px: [number, number] } | null;
  attributes: Record<string, string>;
  position_wgs84: [number, number] | null;
  epoch: number;
  sequence: number;
}

export interface EventPage {
  events: HubEvent[];
  next: string | null;
}

/** The CloudEvents envelope of the feed; the event itself is its `data`. */
export interface FeedEnvelope {
  id: string;
  type: string;
  policyrevision?: string | number;
  data: HubEvent;
}

export interface FeedToken {
  id: string;
  department: string;
  note: string | null;
  created: string | null;
  last_used: string | null;
}

export interface NewFeedToken {
  id: string;
  token: string;
}

/** An account; the hub never tells passwords. */
export interface User {
  name: string;
  role: Role;
  department: string;
  created: string;
}

export interface NewUser {
  name: string;
  role: Role;
  department: string;
  /** Where the hub made one: shown this once. */
  password: string | null;
}

/** `sees` is a department's id or `all`. */
export interface Grant {
  department: string;
  sees: string;
}

export interface Grants {
  policy_revision: number;
  grants: Grant[];
}
