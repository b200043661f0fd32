/** What stands on the pages of a PDF, beside what the structure says should. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import type { TestContext } from 'node:test'
import { type Block, type Paper, textsOf } from '../../../services/reports/content/paper.ts'
import { onPath } from '../../../services/runtime/agent-environment.ts'

/** What is read on the pages, without their numbers at the foot, and without white space: lines break where they must. */
export const readBack = (pdf: string): string => {
  // In points at 72 dpi: A4 without its lowest 16 mm.
  const words = execFileSync('pdftotext', ['-raw', '-r', '72', '-x', '0', '-y', '0', '-W', '595', '-H', '795', pdf, '-'], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  })
  return words.replace(/\s+/g, '')
}

/** The same of the structure: numbers in front of what is numbered. */
export const expected = (paper: Paper): string => {
  const counted = (block: Block): Block =>
    block.kind !== 'items' || !block.numbered
      ? block
      : { ...block, items: block.items.map((item, index) => ({ ...item, lead: `${index + 1}${item.lead ?? ''}` })) }
  const sections = paper.sections.map((section) => ({ ...section, blocks: section.blocks.map(counted) }))
  return textsOf({ ...paper, sections })
    .join('')
    .replace(/\s+/g, '')
}

/** Where two texts part, for whoever reads of the failure. */
export const assertSame = (read: string, wanted: string): void => {
  if (read === wanted) return
  const at = [...wanted].findIndex((_, index) => wanted[index] !== read[index])
  assert.fail(
    `at ${at}: read ${JSON.stringify(read.slice(at - 15, at + 25))}, wanted ${JSON.stringify(wanted.slice(at - 15, at + 25))}`,
  )
}

/** Whether these programs are there. Where they are not the test is skipped by name, or fails where somebody insists. */
export const isInstalled = (t: Pick<TestContext, 'skip'>, ...programs: readonly string[]): boolean => {
  const missing = programs.filter((program) => onPath(program, process.env.PATH ?? '') === null)
  if (missing.length === 0) return true
  if (process.env.CI === 'true') assert.fail(`${missing.join(', ')} is not installed`)
  t.skip(`${missing.join(', ')} is not installed`)
  return false
}
