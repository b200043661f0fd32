/**
 * English and Chinese. The words of a part of the panel stand beside it, in both languages, and are loaded with it:
 * `words({ en, zh })`. A word that one language lacks is a type error.
 */

export type Language = 'en' | 'zh'

export const LANGUAGES: readonly { readonly name: Language; readonly title: string }[] = [
  { name: 'en', title: 'English' },
  { name: 'zh', title: '中文' },
]

const KEY = 'switchboard.language'

let current: Language = 'en'
const listeners = new Set<() => void>()

const preferred = (): Language => {
  const stored = localStorage.getItem(KEY)
  if (stored === 'en' || stored === 'zh') return stored
  const first = navigator.languages.find((tag) => /^(en|zh)\b/i.test(tag)) ?? 'en'
  return first.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

const apply = (language: Language): void => {
  current = language
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en'
  for (const listener of [...listeners]) listener()
}

/** Takes what was chosen here before, or what the browser prefers. */
export const startLanguage = (): void => apply(preferred())

export const language = (): Language => current

/** Chooses a language and remembers it. Everything on the page is rendered again. */
export const setLanguage = (wanted: Language): void => {
  localStorage.setItem(KEY, wanted)
  apply(wanted)
}

/** Is told of another language; gives back how to stop. */
export const onLanguage = (listener: () => void): (() => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** Texts, functions that give texts, and groups of these. */
export interface Words {
  readonly [key: string]: string | ((...values: never[]) => string) | Words
}

/** The same keys with the same parameters. */
type Like<W> = {
  readonly [K in keyof W]: W[K] extends string
    ? string
    : W[K] extends (...values: infer P) => string
      ? (...values: P) => string
      : Like<W[K]>
}

/** Words in both languages; what it gives back asks for those of the language in use, at each rendering. */
export const words = <const W extends Words>(both: { readonly en: W; readonly zh: Like<NoInfer<W>> }): (() => Like<W>) => {
  const all = both as unknown as { readonly en: Like<W>; readonly zh: Like<W> }
  return () => all[current]
}
