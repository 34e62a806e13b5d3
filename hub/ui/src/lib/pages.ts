// Which pages there are for whom; the hub decides what each may really see.
import type { Role } from '../api/types';
import type { Page } from '../state/route.svelte';

/** `incidents` is false for a hub that has none: then only the desk is worth a link. */
export function pagesFor(role: Role | undefined, incidents: boolean): Page[] {
  const pages: Page[] = ['desk'];
  if (incidents) pages.push('search', 'reports', 'handover', 'wall');
  if (role === 'administrator') pages.push('admin');
  return pages;
}
