// The hub's REST API as functions. An answer that is not a success becomes an `ApiError` with the hub's own words.
// Leaves the live feed to `feed.ts` and what is done with the answers to `state/`.
import type {
  Camera, Department, EventPage, FeedToken, Gateway, Grant, Grants, HubEvent, Kind, NewFeedToken, NewUser, Role, Session,
  User,
} from './types';

/** Requests that take longer are given up: a hub that hangs must look like a hub that is away. */
const TIMEOUT_MS = 10_000;

export class ApiError extends Error {
  /** `status` is 0 where no answer came at all; `next` says what the person can do. */
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly next: string | null,
    /** The answer's whole body, for what some errors tell beside their words. */
    readonly body: unknown = null,
  ) {
    super(message);
  }

  get unreachable(): boolean {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

type DateListener = (hubMs: number, sentMs: number, receivedMs: number) => void;
let onHubDate: DateListener = () => {};

/** Tells `listener` what the hub's clock said with each answer, so that ages do not depend on this computer's clock. */
export function listenToHubDate(listener: DateListener): void {
  onHubDate = listener;
}

export async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  // The hub takes no change by cookie without this header: another site's form can't set it.
  if (method !== 'GET') headers['x-yiwang'] = '1';
  const sentMs = Date.now();
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch {
    throw new ApiError(0, 'unreachable', '', null);
  }
  const date = Date.parse(response.headers.get('date') ?? '');
  if (Number.isFinite(date)) onHubDate(date, sentMs, Date.now());
  if (!response.ok) throw await refusalOf(response);
  if (response.status === 204) return undefined as T;
  const text = await response.text().catch(() => {
    throw new ApiError(0, 'unreachable', '', null);
  });
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** A refusal in the hub's own words. */
export async function refusalOf(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { error: { code: string; message: string; next?: string } };
    return new ApiError(response.status, body.error.code, body.error.message, body.error.next ?? null, body);
  } catch {
    return new ApiError(response.status, 'unexpected', `HTTP ${response.status}`, null);
  }
}

export const get = <T>(path: string) => request<T>('GET', path);

export const api = {
  setupNeeded: () => get<{ needed: boolean }>('/api/v1/setup').then((a) => a.needed),
  setup: (token: string, user: string, password: string) =>
    request<void>('POST', '/api/v1/setup', { token, user, password }),
  login: (user: string, password: string) => request<Session>('POST', '/api/v1/login', { user, password }),
  logout: () => request<void>('POST', '/api/v1/logout'),
  session: () => get<Session>('/api/v1/session'),
  departments: () => get<{ departments: Department[] }>('/api/v1/departments').then((a) => a.departments),
  gateways: () => get<{ gateways: Gateway[] }>('/api/v1/gateways').then((a) => a.gateways),
  cameras: () => get<{ cameras: Camera[] }>('/api/v1/cameras').then((a) => a.cameras),
  kinds: () => get<{ kinds: Kind[] }>('/api/v1/kinds').then((a) => a.kinds),
  events: (query: { limit: number; cursor?: string | null }) => {
    const parameters = new URLSearchParams({ limit: String(query.limit) });
    if (query.cursor) parameters.set('cursor', query.cursor);
    return get<EventPage>(`/api/v1/events?${parameters}`);
  },
  event: (id: string) => get<HubEvent>(eventPath(id)),
  feedTokens: () => get<{ feed_tokens: FeedToken[] }>('/api/v1/feed-tokens').then((a) => a.feed_tokens),
  makeFeedToken: (department: string, note: string) =>
    request<NewFeedToken>('POST', '/api/v1/feed-tokens', { department, note }),
  users: () => get<{ users: User[] }>('/api/v1/users').then((a) => a.users),
  makeUser: (wish: { name: string; role: Role; department?: string; password?: string }) =>
    request<NewUser>('POST', '/api/v1/users', wish),
  removeUser: (name: string) => request<void>('DELETE', `/api/v1/users/${encodeURIComponent(name)}`),
  changeUser: (name: string, change: { role?: Role; department?: string; password?: string }) =>
    request<NewUser>('PUT', `/api/v1/users/${encodeURIComponent(name)}`, change),
  makeDepartment: (id: string) => request<Department>('POST', '/api/v1/departments', { id }),
  grants: () => get<Grants>('/api/v1/grants'),
  setGrants: (grants: Grant[]) => request<Grants>('PUT', '/api/v1/grants', { grants }),
  revokeFeedToken: (id: string) => request<void>('DELETE', `/api/v1/feed-tokens/${encodeURIComponent(id)}`),
};

export function eventPath(id: string): string {
  return `/api/v1/events/${encodeURIComponent(id)}`;
}
