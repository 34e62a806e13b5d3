// What a person chose for this browser: language, theme, single-letter keys, sound. Remembered; works without storage too.
export type Language = 'zh' | 'en';
export type Theme = 'dark' | 'light';

const KEY = 'yiwang.prefs';

interface Stored {
  language?: Language;
  theme?: Theme;
  letterKeys?: boolean;
  sound?: boolean;
}

function load(): Stored {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Stored;
  } catch {
    return {};
  }
}

class Prefs {
  language = $state<Language>('zh');
  theme = $state<Theme>('dark');
  /** WCAG 2.1.4: shortcuts of one letter can be switched off. */
  letterKeys = $state(true);
  /** Off until somebody wants it: a page must not begin to sound by itself. */
  sound = $state(false);

  constructor() {
    const stored = load();
    const preferred = navigator.languages.some((tag) => tag.toLowerCase().startsWith('zh')) ? 'zh' : 'en';
    this.language = stored.language ?? preferred;
    this.theme = stored.theme ?? (matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark');
    this.letterKeys = stored.letterKeys ?? true;
    this.sound = stored.sound ?? false;
  }

  save(): void {
    const stored: Stored = { language: this.language, theme: this.theme, letterKeys: this.letterKeys, sound: this.sound };
    try {
      localStorage.setItem(KEY, JSON.stringify(stored));
    } catch {
      // Private windows refuse storage: the choice then lasts as long as the page.
    }
  }
}

export const prefs = new Prefs();
