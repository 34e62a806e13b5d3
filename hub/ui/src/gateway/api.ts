// What the gateway answers, as types and functions. Refusals become the same `ApiError` as the hub's.
import { ApiError, get, refusalOf, request } from '../api/client';

export type Pair = [number, number];
export type State = 'ok' | 'starting' | 'down';

export interface Session { logged_in: boolean; password_made: boolean; gateway: string | null; software: string }

export interface Camera {
  id: string; name: string; state: State; cause: string | null; cause_text: string | null; since: string | null;
  complete_to: string | null; analysed_fps: number | null; decoding: { code: string; zh: string; en: string } | null;
  rules: number; masked: boolean; calibrated: boolean;
}

export interface Site {
  gateway: string | null; department: string | null; software: string; revision: string; file: string;
  hub: { connected: boolean; address: string | null; error: string | null };
  analysed_percent_of_due: number; cameras: Camera[];
}

export interface Measure { name: string; value: number; threshold: number | null; unit: string }
export interface Track { id: number; class: string; score: number; predicted: boolean; box: [number, number, number, number] }
export interface Found { class: string; score: number; box: [number, number, number, number] }
export interface Watched { track: number | null; standing: string; measures: Measure[] }
export interface RuleWatch { rule: string; kind: string; watched: Watched[] }
export interface Told {
  id?: string; at: string; kind: string; rule: string | null; phase: 'begin' | 'update' | 'end'; class: string | null;
  track: number | null; direction: string | null; point?: Pair | null; measures: Measure[];
}

export interface View {
  number: number; captured: string; size_px: Pair; boxes: Found[]; tracks: Track[]; rules: RuleWatch[]; told: Told[];
}

export type Table = { kind: string; id?: string; zone?: Pair[]; line?: Pair[]; along?: Pair[] } & Record<string, unknown>;

export interface Place {
  position: Pair | null; heading_deg: number | null; field_of_view_deg: number | null; height_m: number | null;
  tilt_deg: number | null; ground_points: [number, number, number, number][];
}

export interface Settings extends Place {
  revision: string; in_force: boolean; rules: Table[]; masks: { name: string; polygon: Pair[] }[];
  undo: { camera: string; at: string } | null;
}

export interface Draft extends Place {
  rules: { was: number | null; table: Table }[];
  masks: { was: number | null; name: string; polygon: Pair[] }[];
}

interface Property { type?: string | string[]; description?: string; default?: unknown; enum?: string[]; const?: string; oneOf?: { const?: string; enum?: string[] }[]; $ref?: string }
export interface KindSchema { title: string; description?: string; properties: Record<string, Property>; required: string[]; $defs?: Record<string, Property> }
export interface Kinds {
  labels: { kind: string; zh: string; en: string }[]; rules: KindSchema[]; classes: string[];
  usual_classes: Record<string, string[]>;
}

export interface There { classes: { class: string; objects: number; longest_s: number; score: number }[]; most_at_once: number | null; zone: boolean }
export interface Tried {
  begun: Record<string, number>; now: Record<string, number>; told: Told[]; there: Record<string, There>; pictures: number;
  from: string | null; to: string | null;
}

export interface GroundTried {
  points: { east_m: number; north_m: number; misses_m: number | null; error_m: number | null }[];
  down_the_middle: { y: number; away_m: number; error_m: number }[];
}

/** Longer than the gateway lets one wait. */
const VIEW_MS = 9_000;

const of = (camera: string, what: string) => `/api/cameras/${encodeURIComponent(camera)}/${what}`;

export const api = {
  session: () => get<Session>('/api/session'),
  login: (password: string) => request<void>('POST', '/api/login', { password }),
  logout: () => request<void>('POST', '/api/logout'),
  cameras: () => get<Site>('/api/cameras'),
  kinds: () => get<Kinds>('/api/kinds'),
  settings: (camera: string) => get<Settings>(of(camera, 'settings')),
  attempt: (camera: string, revision: string, draft: Draft) => request<Tried>('POST', of(camera, 'try'), { revision, draft }),
  save: (camera: string, revision: string, draft: Draft) =>
    request<{ revision: string; said: string }>('POST', of(camera, 'save'), { revision, draft }),
  undo: () => request<{ revision: string; said: string; camera: string }>('POST', '/api/undo'),
  ground: (camera: string, position: Pair, points: Place['ground_points']) =>
    request<GroundTried>('POST', of(camera, 'ground'), { position, points }),
};

/** The next picture after `after` with what was made of it; null where none came in time. */
export async function look(camera: string, after: number, signal: AbortSignal): Promise<{ view: View; jpeg: Blob } | null> {
  let response: Response;
  let bytes: ArrayBuffer;
  try {
    response = await fetch(`${of(camera, 'view')}?after=${after}`, {
      credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.any([signal, AbortSignal.timeout(VIEW_MS)]),
    });
    if (response.status === 204) return null;
    bytes = response.ok ? await response.arrayBuffer() : new ArrayBuffer(0);
  } catch {
    throw new ApiError(0, 'unreachable', '', null);
  }
  if (!response.ok) throw await refusalOf(response);
  // A line of JSON, then the picture.
  const end = new Uint8Array(bytes).indexOf(10);
  const view = JSON.parse(new TextDecoder().decode(bytes.slice(0, end))) as View;
  return { view, jpeg: new Blob([bytes.slice(end + 1)], { type: 'image/jpeg' }) };
}
