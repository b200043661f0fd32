/** Light, dark, or as the system has it: the choice of this browser. */

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const KEY = 'theme'

const isTheme = (text: string | null): text is Theme => (THEMES as readonly (string | null)[]).includes(text)

/** What was chosen last; `system` where nothing was, or where the browser keeps nothing. */
export const readTheme = (): Theme => {
  try {
    const kept = localStorage.getItem(KEY)
    return isTheme(kept) ? kept : 'system'
  } catch {
    return 'system'
  }
}

/** The style sheet looks at the attribute; without it the system decides. */
export const applyTheme = (theme: Theme): void => {
  if (theme === 'system') document.documentElement.removeAttribute('data-theme')
  else document.documentElement.setAttribute('data-theme', theme)
}

export const chooseTheme = (theme: Theme): void => {
  applyTheme(theme)
  try {
    localStorage.setItem(KEY, theme)
  } catch {
    // A browser that keeps nothing shows the choice until it leaves the page.
    return
  }
}
