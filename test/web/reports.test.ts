import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { Page } from 'playwright-core'
import { assertAccessible, openBrowser, openPage, PHONE } from '../browser.ts'
import { checkLeaks, eventually } from '../harness.ts'
import { fileScope, openPanelHouse, visit } from './house.ts'

const file = fileScope()
checkLeaks()
const house = await openPanelHouse(file, {
  env: {
    REPORT_ENGINE: 'typst',
    REPORT_MAIL: 'files',
    REPORT_SENDER: 'paper@example.org',
    REPORT_TO_SECONDARY: 'reader@example.org',
  },
})
const browser = await openBrowser(file)

interface Report {
  readonly report_id: string
  readonly state: string
  readonly text: string | null
}
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const made = async (body: object): Promise<Report> => {
  const { report_id } = (await house.post('/api/reports', body)) as Report
  return await eventually(
    async () => {
      const report = (await house.get(`/api/reports/${report_id}`)) as Report
      return report.state === 'done' ? report : undefined
    },
    { timeout_ms: 40_000, every_ms: 100 },
  )
}

test('panel reports - none yet says what a report is; one is made with progress until its PDF is shown', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, '#/reports')
  await page.getByRole('heading', { name: 'No reports yet' }).waitFor()
  await page
    .getByRole('region', { name: 'What is set up' })
    .getByText(/No Claude CLI/)
    .waitFor()
  await assertAccessible(page, 'reports, empty')
  await button(page, 'New report').first().click()
  await page.getByLabel('Day').fill('2026-11-20')
  await assertAccessible(page, 'report form')
  const pdf = page.waitForResponse((response) => response.url().endsWith('/pdf'), { timeout: 40_000 })
  await button(page, 'Make it').click()
  await page.getByRole('heading', { name: 'English edition, 2026-11-20', level: 1 }).waitFor()
  await page.getByRole('region', { name: 'Progress' }).getByText('Ordered').waitFor()
  const response = await pdf
  assert.equal(response.status(), 200)
  assert.equal(response.headers()['content-type'], 'application/pdf')
  await page.locator('iframe[title="The report"]').waitFor()
  await page.locator('status-chip').getByText('done', { exact: true }).waitFor()
  await page.getByText('As plain text').click()
  await page
    .getByLabel('As plain text')
    .getByText(/Example/)
    .first()
    .waitFor()
  await assertAccessible(page, 'report')
  assert.deepEqual(faults, [])
})

test('panel reports - a mail goes out after a question, and twice only after another one', async (t) => {
  const { report_id } = await made({ lang: 'en', date: '2026-11-19', send: false })
  const { page } = await openPage(t, browser, { ...PHONE, colorScheme: 'dark' })
  await visit(page, house, `#/reports/${report_id}`)
  const mail = page.getByRole('region', { name: 'Mail' })
  await mail.getByRole('button', { name: 'Mail it' }).click()
  await button(page, 'Cancel').click()
  const outbox = () => readdirSync(path.join(house.home, 'outbox'))
  assert.deepEqual(outbox(), [])
  await mail.getByRole('button', { name: 'Mail it' }).click()
  await page.locator('confirm-dialog').getByRole('button', { name: 'Mail it' }).click()
  await mail.getByText('reader@example.org').waitFor()
  await mail.locator('status-chip').getByText('sent').waitFor()
  const [sent = ''] = outbox()
  assert.match(readFileSync(path.join(house.home, 'outbox', sent), 'utf8'), /^To: .*reader@example\.org/im)
  await assertAccessible(page, 'report with a mail, phone, dark')

  await visit(page, house, '#/reports/new')
  await page.getByLabel('Day').fill('2026-11-19')
  await page.getByLabel('Who gets it').selectOption('all')
  await button(page, 'Make it').click()
  await page.getByRole('heading', { name: 'Mail it to those who may have it already?' }).waitFor()
  await page.locator('confirm-dialog').getByRole('button', { name: 'Cancel' }).click()
  await page.locator('report-form').waitFor({ state: 'detached' })
  assert.equal(((await house.get('/api/reports')) as unknown[]).length, 2)
})

test('panel reports - a link to nothing, and a date that is none, are told in plain words', async (t) => {
  const { page, faults } = await openPage(t, browser)
  await visit(page, house, `#/reports/${encodeURIComponent('<img src=x onerror=alert(1)>')}`)
  await page.getByRole('heading', { name: 'There is no such report' }).waitFor()
  await visit(page, house, '#/reports/00000000-0000-4000-8000-000000000000')
  await page.getByRole('heading', { name: 'There is no such report' }).waitFor()
  await assertAccessible(page, 'report that is not there')
  assert.deepEqual(faults, [])
})

test('panel reports - what a report says of itself is text, never a page', async (t) => {
  const { report_id } = await made({ lang: 'cn', date: '2026-11-18', send: false })
  const evil = '<img src=x onerror=alert(1)><script>alert(2)</script>'
  const { page, faults } = await openPage(t, browser, { locale: 'zh-CN' })
  // The demo agent says nothing evil; a Claude that has read the web might.
  await page.routeWebSocket(/\/ws$/, (client) => {
    const server = client.connectToServer()
    server.onMessage((message) => {
      const answer = JSON.parse(String(message)) as { result?: Readonly<Record<string, unknown>> }
      const isReport = typeof answer.result === 'object' && 'progress' in answer.result
      const said = { reason: evil, notes: [evil], text: evil, date: evil, progress: [{ at: 0, state: 'write', text: evil }] }
      client.send(isReport ? JSON.stringify({ ...answer, result: { ...answer.result, ...said } }) : String(message))
    })
  })
  await visit(page, house, `#/reports/${report_id}`)
  await page.getByRole('heading', { level: 1, name: evil }).waitFor()
  await page.getByText('纯文本').click()
  await page.getByLabel('纯文本').getByText(evil).waitFor()
  assert.ok((await page.getByText(evil).count()) >= 5)
  assert.deepEqual(faults, [])
})
