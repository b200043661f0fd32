/** Light, dark, or what the system says. A theme is a `color-scheme`; all colours follow from it. */

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'switchboard.theme'

export const theme = (): Theme => {
  const stored = localStorage.getItem(KEY)
  return stored === 'light' || stored === 'dark' ? stored : 'system'
}

const apply = (wanted: Theme): void => {
  if (wanted === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = wanted
}

export const startTheme = (): void => apply(theme())

/** Chooses a theme and remembers it. Whoever has drawn colours by hand hears of it by `onTheme`. */
export const setTheme = (wanted: Theme): void => {
  localStorage.setItem(KEY, wanted)
  apply(wanted)
  window.dispatchEvent(new Event('themechange'))
}

/** Is told when colours may have changed; gives back how to stop. */
export const onTheme = (listener: () => void): (() => void) => {
  const system = matchMedia('(prefers-color-scheme: dark)')
  window.addEventListener('themechange', listener)
  system.addEventListener('change', listener)
  return () => {
    window.removeEventListener('themechange', listener)
    system.removeEventListener('change', listener)
  }
}
