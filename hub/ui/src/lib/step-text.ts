// One step of an incident's record in words: who did what to what.
import type { Step, Told } from '../api/incident-types';
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

/** Whom the hub told, and whose it is since; a record of an older hub says neither. */
function escalation(detail: Record<string, unknown>): string {
  const told = t().work.told;
  const tell = text(detail['tell']);
  if (!Object.hasOwn(told, tell)) return '';
  const owner = detail['owner'];
  const person = typeof owner === 'object' && owner !== null ? text((owner as Record<string, unknown>)['person']) : '';
  const whose = owner === 'nobody' ? t().work.nowNobodys : person ? t().work.nowOf(person) : '';
  return [told[tell as Told], whose].filter(Boolean).join(t().listSeparator);
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
    case 'escalate':
      return escalation(detail);
    case 'severity':
      return label(t().severity, text(detail['severity']));
    default:
      return '';
  }
}
