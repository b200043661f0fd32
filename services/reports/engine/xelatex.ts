/**
 * XeLaTeX, kept within bounds: no shell, nothing read or written outside its folder (`openin_any`, `openout_any`), no
 * configuration of the user, limited time and memory. The text it gets holds no commands but those of our templates.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../runtime/package-root.ts'
import { EDITIONS, type Engine, lastWords } from './engine.ts'
import { fontLinks } from './fonts.ts'
import { toLatex } from './latex.ts'

/** A page takes half a second; the first run after an installation builds caches of fonts. */
const BOUNDS = { timeout_ms: 120_000, cpu_s: 90, address_mb: 2_048, resident_mb: 1_024 } as const

const textOf = (file: string): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')

/** Signs that no font had, as the log tells them. */
const lackingIn = (log: string): string[] => {
  const numbers = [...log.matchAll(/^Paper lacks U\+([0-9A-F]{1,6})/gm)].map(([, hex = '']) =>
    String.fromCodePoint(Number.parseInt(hex, 16)),
  )
  const missing = [...log.matchAll(/^Missing character: There is no (\S+) /gm)].map(([, sign = '']) => sign)
  return [...new Set([...numbers, ...missing])]
}

/** All that it finds: nothing of the user's, and nothing outside its folder may be read or written (p: paranoid). */
const environmentOf = (path: string, cache: string): Record<string, string> =>
  Object.fromEntries([
    ['PATH', path],
    ['LANG', 'C.UTF-8'],
    ['HOME', cache],
    ['TEXMFHOME', join(cache, 'none')],
    ['TEXMFCONFIG', join(cache, 'none')],
    ['TEXMFVAR', join(cache, 'texmf-var')],
    ['XDG_CACHE_HOME', cache],
    ['openin_any', 'p'],
    ['openout_any', 'p'],
    ['shell_escape', 'f'],
    // Or the log is broken after 79 bytes, in the middle of a character.
    ['max_print_line', '10000'],
  ])

/** @param command the program @param path our PATH @param cache a folder of ours for what TeX and fontconfig remember */
export const createXelatex = (command: string, path: string, cache: string): Engine => ({
  name: 'xelatex',
  bounds: BOUNDS,
  program: (paper, lang, tight) => {
    const templates = join(packageRoot(import.meta.url), 'reports')
    const template = readFileSync(join(templates, `${EDITIONS[lang]}.tex`), 'utf8')
    return {
      command,
      args: ['-no-shell-escape', '-interaction=nonstopmode', '-halt-on-error', '-file-line-error', 'paper.tex'],
      env: environmentOf(path, cache),
      input: '',
      files: {
        'paper.tex': toLatex(template, paper, tight),
        'morning-paper.sty': readFileSync(join(templates, 'morning-paper.sty'), 'utf8'),
      },
      links: fontLinks(),
    }
  },
  result: (shot, { status, reason }) => {
    const log = textOf(shot.file('paper.log'))
    if (reason !== null) return { fault: `XeLaTeX failed: ${reason}` }
    const complaint = /^(?:! .*|\S+:\d+: .*)$/m.exec(log)?.[0] ?? lastWords(shot.output('out') + shot.output('err'))
    const pages = Number(/Output written on paper\.pdf \((\d+) pages?/.exec(log)?.[1] ?? 0)
    if (status !== 0 || pages === 0) return { fault: `XeLaTeX failed (exit code ${status}): ${complaint.slice(0, 300)}` }
    return { pdf: shot.file('paper.pdf'), pages, lacking: lackingIn(log) }
  },
})
