// Which pages there are for whom; the hub decides what each may really see.
import type { Role } from '../api/types';
import type { Page } from '../state/route.svelte';

export function pagesFor(role: Role | undefined): Page[] {
  const pages: Page[] = ['desk'];
  if (role === 'administrator') pages.push('admin');
  return pages;
}
