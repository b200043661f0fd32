/** A typesetter: how a paper is given to it, and what it says of the result. */
import type { ReportEngine, ReportLang } from '../../../protocol/reports.ts'
import type { Paper } from '../content/paper.ts'
import type { Bounds, Ended, OneShot, Program } from '../one-shot/one-shot.ts'

/** What came of it: the file, or why there is none. */
export type Typeset =
  | { readonly pdf: string; readonly pages: number; readonly lacking: readonly string[] }
  | { readonly fault: string }

export interface Engine {
  readonly name: ReportEngine
  readonly bounds: Bounds
  /** @param tight set smaller, for a paper that would be too long */
  program(paper: Paper, lang: ReportLang, tight: boolean): Program
  /** Reads what the program left in its folder. */
  result(shot: OneShot, ended: Ended): Typeset
}

/** The names of an edition's files in `reports/`. */
export const EDITIONS: Readonly<Record<ReportLang, string>> = { cn: 'chinese', en: 'english' }

/** What a program said last, in one line. */
export const lastWords = (text: string): string => text.trim().split('\n').slice(-3).join(' ').slice(-300)
