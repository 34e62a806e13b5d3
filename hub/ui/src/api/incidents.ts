// The hub's API of incidents as functions; `client.ts` does the asking.
import { get, request } from './client';
import type {
  ActionFields, ActionName, AlarmLoad, AuditRecord, BulkResult, Coverage, Duplicates, Incident, IncidentDetail, IncidentPage, IncidentSettings, Person,
  RegistryCamera, SearchAnswer, Step,
} from './incident-types';

/** What a 409 tells beside the error: the incident as it is now, and who did what since the revision that was sent. */
export interface Conflict {
  /** Null where part of it is hidden from this person. */
  incident: Incident | null;
  revision: number;
  since: Step[];
}

export const incidentPath = (id: string) => `/api/v1/incidents/${encodeURIComponent(id)}`;

const cameraPath = (id: string) => id.split('/').map(encodeURIComponent).join('/');

export const incidentsApi = {
  list: (query: Record<string, string>) => get<IncidentPage>(`/api/v1/incidents?${new URLSearchParams(query)}`),
  one: (id: string) => get<IncidentDetail>(incidentPath(id)),
  act: (id: string, revision: number, action: ActionName, fields: ActionFields = {}) =>
    request<IncidentDetail>('POST', `${incidentPath(id)}/actions`, { revision, action, ...fields }),
  actAll: (items: { id: string; revision: number }[], action: ActionName, fields: ActionFields = {}) =>
    request<{ results: BulkResult[] }>('POST', '/api/v1/incidents/actions', { items, action, ...fields }).then((a) => a.results),
  load: () => get<AlarmLoad>('/api/v1/alarm-load'),
  people: () => get<{ people: Person[] }>('/api/v1/people').then((a) => a.people),
  registry: () => get<{ cameras: RegistryCamera[] }>('/api/v1/registry').then((a) => a.cameras),
  setCamera: (id: string, change: Partial<RegistryCamera>) => request<unknown>('PUT', `/api/v1/registry/${cameraPath(id)}`, change),
  duplicates: () => get<Duplicates>('/api/v1/reports/duplicates'),
  coverage: () => get<Coverage>('/api/v1/reports/coverage'),
  search: (query: URLSearchParams) => get<SearchAnswer>(`/api/v1/search?${query}`),
  settings: () => get<IncidentSettings>('/api/v1/settings/incidents'),
  setSettings: (wish: IncidentSettings) => request<IncidentSettings>('PUT', '/api/v1/settings/incidents', wish),
  audit: (before: number | null) =>
    get<{ records: AuditRecord[]; next: number | null }>(`/api/v1/audit?limit=100${before === null ? '' : `&before=${before}`}`),
};
