// The hub's API of shifts, findings, what is usual and joining as functions; `client.ts` does the asking.
import { ApiError, get, request } from './client';
import type { Draft, FalseAlarms, Handover, JoinToken, NewJoinToken, Preview, Unusual } from './shift-types';

export const FALSE_ALARMS = '/api/v1/reports/false-alarms';
export const UNUSUAL = '/api/v1/reports/unusual?hours=24';

export interface Tried {
  camera: string;
  rule: string;
  measure: string;
  to: number;
}

export function previewPath({ camera, rule, measure, to }: Tried, days: number): string {
  return `${FALSE_ALARMS}/preview?${new URLSearchParams({ camera, rule, measure, to: String(to), days: String(days) })}`;
}

export const shiftApi = {
  draft: () => get<Draft>('/api/v1/handovers/draft'),
  handovers: () => get<{ handovers: Handover[]; next: number | null }>('/api/v1/handovers?limit=20').then((a) => a.handovers),
  handover: (id: number) => get<Handover>(`/api/v1/handovers/${id}`),
  handOver: (wish: { from?: string; to_person?: string; note?: string }) => request<Handover>('POST', '/api/v1/handovers', wish),
  sign: (id: number, note: string) => request<Handover>('POST', `/api/v1/handovers/${id}/sign`, note ? { note } : {}),
  falseAlarms: (days: number) => get<FalseAlarms>(`${FALSE_ALARMS}?days=${days}`),
  preview: (tried: Tried, days: number) => get<Preview>(previewPath(tried, days)),
  unusual: () => get<{ unusual: Unusual[] }>(UNUSUAL).then((a) => a.unusual),
  joinTokens: () => get<{ join_tokens: JoinToken[] }>('/api/v1/join-tokens').then((a) => a.join_tokens),
  makeJoinToken: (department: string, hours: number) => request<NewJoinToken>('POST', '/api/v1/join-tokens', { department, hours }),
};

/** True where the hub has no such address: an older hub, which is said instead of shown as an error. */
export function isAbsent(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}
