/**
 * Typst, the typesetter that comes with Switchboard: for machines without XeLaTeX. It runs in a process of its own, so that it can
 * be bounded like any other; it reads nothing outside its folder, and there is no shell in its language.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { packageRoot } from '../../runtime/package-root.ts'
import { EDITIONS, type Engine, lastWords } from './engine.ts'
import { FAMILIES, fontLinks } from './fonts.ts'
import { toTypstData } from './typst-data.ts'

/** Two pages take a tenth of a second and 130 MB. Node.js reserves addresses it never uses, so those are not bounded. */
const BOUNDS = { timeout_ms: 60_000, cpu_s: 60, address_mb: 0, resident_mb: 1_024 } as const

const Answer = z.object({ pages: z.number().int().min(1), lacking: z.array(z.string()) })

/** What it printed; null where a loss of power has torn that, which makes the paper one to be set again. */
const said = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export const createTypst = (): Engine => ({
  name: 'typst',
  bounds: BOUNDS,
  program: (paper, lang, tight) => {
    const root = packageRoot(import.meta.url)
    const edition = `${EDITIONS[lang]}.typ`
    const read = (name: string): string => readFileSync(join(root, 'reports', name), 'utf8')
    return {
      command: process.execPath,
      args: ['--max-old-space-size=256', join(root, 'dist/services/reports/typst/main.js'), edition],
      env: { LANG: 'C.UTF-8' },
      input: '',
      files: {
        [edition]: read(edition),
        'morning-paper.typ': read('morning-paper.typ'),
        'paper.json': JSON.stringify(toTypstData(paper, FAMILIES, tight)),
      },
      links: fontLinks(),
    }
  },
  result: (shot, { status, reason }) => {
    if (reason !== null) return { fault: `Typst failed: ${reason}` }
    if (status !== 0) return { fault: `Typst failed (exit code ${status}): ${lastWords(shot.output('err'))}` }
    const answer = Answer.safeParse(said(shot.output('out')))
    return answer.success ? { pdf: shot.file('paper.pdf'), ...answer.data } : { fault: 'Typst did not say what it had made' }
  },
})
