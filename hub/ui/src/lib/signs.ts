// The signs of states and severities: one drawing each, used in the lists (inline SVG) and on the map (as an image).
// A sign differs in shape, never only in colour. Drawn in a box of 24 × 24.
import type { CameraState, Severity } from '../api/types';

/** `fg` is the sign's colour, `bg` what it stands on. */
export function stateSign(state: CameraState, fg: string, bg: string): string {
  switch (state) {
    case 'ok':
      return `<circle cx="12" cy="12" r="8.5" fill="${fg}"/><path d="m8 12.2 2.8 2.8L16 9.6" fill="none" stroke="${bg}" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/>`;
    case 'down':
      return `<rect x="3" y="3" width="18" height="18" rx="2.5" fill="${fg}"/><path d="m8 8 8 8m0-8-8 8" fill="none" stroke="${bg}" stroke-width="2.8" stroke-linecap="round"/>`;
    case 'no_contact':
      return `<circle cx="12" cy="12" r="9.2" fill="${bg}" stroke="${fg}" stroke-width="2.2" stroke-dasharray="3.6 2.2"/><path d="M9.4 9.7c.1-1.6 1.2-2.5 2.7-2.5 1.6 0 2.6.9 2.6 2.3 0 1.9-2.6 2-2.6 4" fill="none" stroke="${fg}" stroke-width="2.1" stroke-linecap="round"/><circle cx="12.1" cy="16.6" r="1.35" fill="${fg}"/>`;
    case 'starting':
      return `<path d="M12 2.6 21.4 12 12 21.4 2.6 12Z" fill="${bg}" stroke="${fg}" stroke-width="2" stroke-linejoin="round"/><circle cx="8" cy="12" r="1.4" fill="${fg}"/><circle cx="12" cy="12" r="1.4" fill="${fg}"/><circle cx="16" cy="12" r="1.4" fill="${fg}"/>`;
  }
}

export function severitySign(severity: Severity, fg: string, bg: string): string {
  switch (severity) {
    case 'low':
      return `<circle cx="12" cy="12" r="6.4" fill="none" stroke="${fg}" stroke-width="2.6"/>`;
    case 'medium':
      return `<path d="M12 3.4 20.6 12 12 20.6 3.4 12Z" fill="${fg}"/>`;
    case 'high':
      return `<path d="M12 3 22 20.5H2Z" fill="${fg}" stroke="${fg}" stroke-width="1.6" stroke-linejoin="round"/><path d="M12 9.5v4.6" stroke="${bg}" stroke-width="2.4" stroke-linecap="round"/><circle cx="12" cy="17.5" r="1.4" fill="${bg}"/>`;
    case 'urgent':
      return `<path d="M7.6 1.8h8.8l5.8 5.8v8.8l-5.8 5.8H7.6l-5.8-5.8V7.6Z" fill="${fg}"/><path d="M12 6.4v6.6" stroke="${bg}" stroke-width="3" stroke-linecap="round"/><circle cx="12" cy="17.2" r="1.8" fill="${bg}"/>`;
  }
}
