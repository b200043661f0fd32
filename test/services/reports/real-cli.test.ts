/** The real Claude CLI against a stand-in of the model: what it may use, how its answer is taken, and what a bad one leads to. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { simpleParser } from 'mailparser'
import { processesOf } from '../../../services/reports/one-shot/processes.ts'
import { paperOf } from '../../../services/reports/papers.ts'
import type { ReportRow } from '../../../services/reports/rows.ts'
import { realClaudeOrSkip } from '../../fakes/claude-cli.ts'
import { type ApiRequest, type Filling, startMessagesApi } from '../../fakes/messages-api.ts'
import { atEnd, checkLeaks, eventually, type Scope, tempDir } from '../../harness.ts'
import { openMailServer } from './mail-server.ts'
import { contentFor, NOTES } from './notes.ts'
import { assertSame, expected, isInstalled, readBack } from './pages.ts'
import { openRig, type Rig } from './rig.ts'

checkLeaks()

const READERS = {
  REPORT_SENDER: 'paper@example.org',
  REPORT_TO_PRIMARY: 'reader@example.org',
  REPORT_TO_SECONDARY: 'reader@example.org',
  REPORT_CC: 'owner@example.org',
}

const openHouse = async (
  t: Scope & { skip(message?: string): void },
  filling: Filling,
  more: Readonly<Record<string, string>> = {},
) => {
  const claude = await realClaudeOrSkip(t)
  if (claude === null) return null
  const api = await startMessagesApi({ text: () => NOTES, ...filling })
  atEnd(t, () => api.close())
  const env = claude.env({ api_url: api.url, config_dir: tempDir(t) })
  const rig: Rig = await openRig(t, { env: { ...env, ...more, CLAUDE_BIN: claude.bin } })
  return { api, rig }
}

/** The tools that the model is offered, without the CLI's own stand-in for tools that come later, which does nothing. */
const toolsOf = ({ body }: ApiRequest): string[] =>
  ((body.tools ?? []) as { name?: string }[])
    .map(({ name = '?' }) => name)
    .filter((name) => name !== 'DeferredToolPlaceholder')
    .sort()

for (const lang of ['cn', 'en'] as const) {
  test(`real CLI - the ${lang} report: gathered with web tools alone, written into the structure, set by XeLaTeX, mailed`, async (t) => {
    if (!isInstalled(t, 'xelatex', 'pdftotext')) return
    const server = await openMailServer(t)
    const house = await openHouse(
      t,
      { structured: () => contentFor(lang) },
      { REPORT_ENGINE: 'xelatex', SMTP_URL: server.url, ...READERS },
    )
    if (house === null) return
    const { report_id } = await house.rig.ask.create({ lang, date: '2026-11-23' })
    const report = await house.rig.ended(report_id)
    assert.deepEqual([report.state, report.reason, report.example], ['done', null, false])
    assert.deepEqual([report.engine, report.mail?.way, report.mail?.state], ['xelatex', 'smtp', 'sent'])
    assert.ok((report.pages ?? 9) <= 3)
    const [row] = house.rig.query<ReportRow>('SELECT * FROM reports')
    assert.ok(row)
    assertSame(readBack(report.file ?? ''), expected(paperOf(row)))
    const [taken, ...others] = server.taken
    assert.deepEqual([taken?.to, others.length], [['reader@example.org', 'owner@example.org'], 0])
    const [pdf] = taken?.mail.attachments ?? []
    assert.deepEqual(pdf?.content, readFileSync(report.file ?? ''))
    assert.equal((report.cost_usd ?? 0) > 0, true)
    const [gather, write, ...more] = house.api.requests.filter(({ kind }) => kind === 'prompt')
    assert.deepEqual(more, [])
    assert.deepEqual(gather && toolsOf(gather), ['WebFetch', 'WebSearch'])
    assert.deepEqual(write && toolsOf(write), ['StructuredOutput'])
    assert.match(gather?.prompt ?? '', lang === 'cn' ? /2026年11月23日/ : /November 23, 2026/)
    assert.ok(write?.prompt.includes(NOTES))
  })
}

test('real CLI - a source that Claude has not read is complained of once, then the report fails in plain words', async (t) => {
  const wrong = contentFor('cn')
  const [headline] = wrong.headlines as { url: string }[]
  if (headline) headline.url = 'https://made-up.example.com/'
  const house = await openHouse(t, { structured: () => wrong })
  if (house === null) return
  const { report_id } = await house.rig.ask.create({ lang: 'cn', send: false })
  const report = await house.rig.ended(report_id)
  assert.deepEqual([report.state, report.step], ['failed', 'write'])
  assert.match(report.reason ?? '', /headlines\.0\.url: https:\/\/made-up\.example\.com\/ does not stand in the notes/)
  const writes = house.api.requests.filter(
    (request) => request.kind === 'prompt' && toolsOf(request).includes('StructuredOutput'),
  )
  assert.equal(writes.length, 2)
  assert.match(writes[1]?.prompt ?? '', /Your last answer was refused[\s\S]*does not stand in the notes/)
  assert.equal(house.api.requests.filter(({ prompt }) => prompt.includes('搜集')).length, 1, 'the news are not gathered again')
})

test('real CLI - a second try mends what the first one got wrong', async (t) => {
  let asked = 0
  const house = await openHouse(t, {
    structured: () => {
      asked += 1
      return asked === 1 ? { ...contentFor('cn'), health: { tip: 'x'.repeat(241), reason: 'r' } } : contentFor('cn')
    },
  })
  if (house === null) return
  const { report_id } = await house.rig.ask.create({ lang: 'cn', send: false })
  const report = await house.rig.ended(report_id)
  assert.deepEqual([report.state, report.reason], ['done', null])
})

test('real CLI - what fills too many pages is set smaller, then written shorter', async (t) => {
  const long = (max: number): string => '市场观察'.repeat(max).slice(0, max)
  let asked = 0
  const story = { title: long(120), text: long(420), source: 'S', url: 'https://example.org/' }
  const many = (count: number) => Array.from({ length: count }, () => story)
  const house = await openHouse(t, {
    structured: () => {
      asked += 1
      const normal = contentFor('cn')
      if (asked > 1) return normal
      const points = { summary: long(600), points: many(5) }
      return {
        ...normal,
        markets: points,
        outlook: { risks: many(4), chances: many(4) },
        frontier: many(4),
        headlines: many(6),
        politics: many(6),
      }
    },
  })
  if (house === null) return
  const { report_id } = await house.rig.ask.create({ lang: 'cn', send: false })
  const report = await house.rig.ended(report_id)
  assert.deepEqual([report.state, report.reason, asked], ['done', null, 2])
  assert.ok((report.pages ?? 9) <= 3)
  const words = report.progress.map(({ text }) => text).join('\n')
  assert.match(words, /pages are too many: it is set smaller[\s\S]*pages are too many: Claude is asked to shorten it/)
})

test('real CLI - somebody who is not logged in reads that, and the owner has it by mail', async (t) => {
  const claude = await realClaudeOrSkip(t)
  if (claude === null) return
  const { ANTHROPIC_API_KEY: _, ...env } = claude.env({ api_url: 'http://127.0.0.1:9', config_dir: tempDir(t) })
  const rig = await openRig(t, { env: { ...env, CLAUDE_BIN: claude.bin, REPORT_CC: 'owner@example.org' } })
  const { report_id } = await rig.ask.create({ lang: 'en' })
  const report = await rig.ended(report_id)
  assert.deepEqual([report.state, report.step], ['failed', 'gather'])
  assert.match(report.reason ?? '', /Not logged in/)
  const outbox = join(rig.home, 'outbox')
  const [file = ''] = await eventually(() => (readdirSync(outbox).length === 1 ? readdirSync(outbox) : undefined))
  const mail = await simpleParser(readFileSync(join(outbox, file)))
  assert.match(mail.subject ?? '', /^Switchboard: the English report of .* needs you$/)
  assert.match(mail.text ?? '', /Not logged in[\s\S]*switchboard report --lang en/)
})

test('real CLI - cancelling ends it with all that it has started', async (t) => {
  const house = await openHouse(t, { text: () => '{{first_ms=60000}}' })
  if (house === null) return
  const { report_id } = await house.rig.ask.create({ lang: 'en' })
  const [{ run } = { run: '' }] = await eventually(() => {
    const rows = house.rig.query<{ run: string | null }>('SELECT run FROM reports')
    return rows[0]?.run != null && processesOf(rows[0].run, null).length > 0 ? (rows as { run: string }[]) : undefined
  })
  assert.deepEqual(await house.rig.ask.cancel({ report_id }), { cancelled: true })
  const report = await house.rig.ask.get({ report_id })
  assert.deepEqual([report.state, report.step, report.reason], ['cancelled', 'gather', 'It was cancelled'])
  await eventually(() => processesOf(run, null).length === 0)
  assert.deepEqual(await house.rig.ask.cancel({ report_id }), { cancelled: false })
})
