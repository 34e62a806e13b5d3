// One step of an incident's record in words: who did what to what.
import type { Step } from '../api/incident-types';
import { label, t } from '../i18n';
import { registry } from '../state/registry.svelte';

/** Whom the record names for steps that the hub took by itself. */
export const HUB = 'system';

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** "wang acknowledged it"; steps of a newer hub are told by their name. */
export function stepText(step: Step): string {
  const told = t().work.did;
  const tell = Object.hasOwn(told, step.action) ? told[step.action] : undefined;
  if (!tell) return `${step.by}: ${step.action.replaceAll('_', ' ')}`;
  return tell(step.by === HUB ? t().work.theHub : step.by, whatOf(step));
}

/** What the person wrote with the step. */
export function stepWords(step: Step): string {
  const detail = step.detail ?? {};
  return text(detail['text']) || text(detail['reason']) || text(detail['note']) || text(detail['resolution']) || text(detail['answer']);
}

function whatOf(step: Step): string {
  const detail = step.detail ?? {};
  switch (step.action) {
    case 'assign':
      return text(detail['owner']) || t().work.nobody;
    case 'dispatch':
      return (Array.isArray(detail['departments']) ? detail['departments'] : []).map((id) => registry.departmentName(text(id))).join(t().listSeparator);
    case 'task':
      return `${registry.departmentName(text(detail['department']))} · ${label(t().work.taskState, text(detail['state']))}`;
    case 'close':
      return label(t().work.finding, text(detail['finding']));
    case 'severity':
      return label(t().severity, text(detail['severity']));
    default:
      return '';
  }
}
