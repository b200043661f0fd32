/**
 * The steps that run a program: Claude twice, then a typesetter. Each gives back what is to be written down of its end, and
 * touches no row itself.
 */
import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { force } from '../runtime/forced.ts'
import type { Claude } from './claude/claude.ts'
import { gatherQuestion, writeQuestion } from './claude/prompts.ts'
import { checkContent } from './content/content.ts'
import { sourceComplaint } from './content/sources.ts'
import type { Engine } from './engine/engine.ts'
import type { Bounds, Ended, OneShot, Program } from './one-shot/one-shot.ts'
import { fileName, paperOf, textOf } from './papers.ts'
import { lackingNote, MOST_PAGES, proofPdf } from './proof.ts'
import type { ReportChange, ReportRow } from './rows.ts'
import type { Settings } from './settings.ts'

/** How a step ended: what is written down, and what is said of it; or why it did not work, and whether once more may help. */
export type StepEnd =
  | { readonly change: ReportChange; readonly text: string }
  | { readonly fault: string; readonly again: boolean; readonly change?: ReportChange }

/** A step whose work is a program. */
export interface Step {
  readonly bounds: Bounds
  program(): Program
  end(shot: OneShot, ended: Ended): StepEnd
}

export interface StepDeps {
  readonly settings: Settings
  readonly claude: Claude | null
  /** The typesetter to use; the second one where the first has failed on this report. */
  readonly engines: readonly Engine[]
  /** The report's own folder. */
  readonly folderOf: (report: ReportRow) => string
}

/** The most that is kept of what Claude found. */
const NOTES_CHARACTERS = 400_000

const spent = (report: ReportRow, cost_usd: number): ReportChange =>
  report.example === 1 ? {} : { cost_usd: Math.round(((report.cost_usd ?? 0) + cost_usd) * 1e6) / 1e6 }

/** What happened: notes, with their sources. */
export const gatherStep = (report: ReportRow, claude: Claude, settings: Settings): Step => ({
  bounds: claude.bounds,
  program: () => claude.program(gatherQuestion(report.lang, report.date, settings)),
  end: (shot, ended) => {
    const answer = claude.answer(shot, ended)
    const change = spent(report, answer.cost_usd)
    if ('fault' in answer) return { fault: answer.fault, again: true, change }
    if (answer.text.trim() === '') return { fault: 'Claude found nothing', again: true, change }
    const gathered = answer.text.slice(0, NOTES_CHARACTERS)
    return { change: { ...change, gathered }, text: `Gathered ${gathered.length} characters of notes` }
  },
})

/** The notes brought into the typed structure; a complaint goes along to the next try. */
export const writeStep = (report: ReportRow, claude: Claude): Step => ({
  bounds: claude.bounds,
  program: () => claude.program(writeQuestion(report.lang, report.date, report.gathered ?? '', report.complaint)),
  end: (shot, ended) => {
    const answer = claude.answer(shot, ended)
    const change = spent(report, answer.cost_usd)
    if ('fault' in answer) return { fault: answer.fault, again: true, change }
    const checked = checkContent(report.lang, answer.structured)
    const complaint = 'complaint' in checked ? checked.complaint : sourceComplaint(checked.content, report.gathered ?? '')
    if ('complaint' in checked || complaint !== null)
      return { fault: `What Claude wrote does not fit:\n${complaint}`, again: true, change: { ...change, complaint } }
    return { change: { ...change, content: JSON.stringify(checked.content) }, text: 'Written' }
  },
})

/** The PDF. */
export const typesetStep = (report: ReportRow, engine: Engine, folder: string): Step => ({
  bounds: engine.bounds,
  program: () => engine.program(paperOf(report), report.lang, report.density > 0),
  end: (shot, ended) => {
    const typeset = engine.result(shot, ended)
    if ('fault' in typeset) return { fault: typeset.fault, again: true }
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const pdf = join(folder, `${fileName(report)}.pdf`)
    copyFileSync(typeset.pdf, `${pdf}.new`)
    force(`${pdf}.new`)
    renameSync(`${pdf}.new`, pdf)
    // What is written down of it must not outlive it: a power cut would leave a report that was proofed and is gone.
    force(folder)
    force(dirname(folder))
    // What a person may want to look at.
    for (const name of ['paper.tex', 'paper.json'].filter((name) => existsSync(shot.file(name))))
      copyFileSync(shot.file(name), join(folder, name))
    writeFileSync(join(folder, `${fileName(report)}.txt`), `${textOf(report)}\n`)
    const known = (JSON.parse(report.notes) as string[]).filter((note) => !note.startsWith('No font has'))
    const change = {
      engine: engine.name,
      pages: typeset.pages,
      notes: JSON.stringify([...known, ...lackingNote(typeset.lacking)]),
    }
    return { change, text: `Typeset by ${engine.name === 'xelatex' ? 'XeLaTeX' : 'Typst'}: ${typeset.pages} pages` }
  },
})

/** What proof sends back: to be set smaller, or, where that was not enough, to be written shorter. */
export type SentBack = { readonly back: 'typeset' | 'write'; readonly change: ReportChange; readonly text: string }

/** Whether the PDF may go out. One that is too long is set smaller once, and then written shorter once. */
export const proof = (report: ReportRow, folder: string): StepEnd | SentBack => {
  const pages = report.pages ?? 0
  if (pages > MOST_PAGES && report.density === 0)
    return { back: 'typeset', change: { density: 1 }, text: `${pages} pages are too many: it is set smaller` }
  if (pages > MOST_PAGES && report.density === 1 && report.example === 0) {
    const complaint = `- the whole: it fills ${pages} pages and may fill ${MOST_PAGES}. Shorten every text to fit, and leave out the least important entries`
    return {
      back: 'write',
      change: { density: 2, complaint },
      text: `${pages} pages are too many: Claude is asked to shorten it`,
    }
  }
  if (pages > MOST_PAGES) return { fault: `It has ${pages} pages, also when shortened; ${MOST_PAGES} are the most`, again: false }
  const found = proofPdf(join(folder, `${fileName(report)}.pdf`))
  return 'fault' in found ? { fault: found.fault, again: false } : { change: found, text: `Proofed: ${found.bytes} bytes` }
}
