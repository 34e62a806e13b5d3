// Which page is shown: read from the address behind `#`, so that a page can be linked, bookmarked and gone back to.
export type Page = 'desk' | 'wall' | 'search' | 'reports' | 'handover' | 'admin';

const PAGES: readonly Page[] = ['wall', 'search', 'reports', 'handover', 'admin'];

class Route {
  page = $state<Page>('desk');
  /** What stands behind `?` of the address. */
  query = $state.raw(new URLSearchParams());

  constructor() {
    this.#read();
    addEventListener('hashchange', () => this.#read());
  }

  /** Changes what stands behind `?` without a step in the history: a filter is not a page. */
  replaceQuery(query: URLSearchParams): void {
    this.query = query;
    const text = query.toString();
    history.replaceState(null, '', `#/${this.page === 'desk' ? '' : this.page}${text ? `?${text}` : ''}`);
  }

  #read(): void {
    const [path = '', query = ''] = location.hash.replace(/^#\//, '').split('?');
    this.page = PAGES.find((page) => page === path) ?? 'desk';
    this.query = new URLSearchParams(query);
  }
}

export const route = new Route();
