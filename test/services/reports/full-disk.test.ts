/** Writes that fail at the worst moment, as they do on a full disk: the report waits for room, and nothing is made or mailed twice. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fillDisk, wasRefused } from '../../full-disk.ts'
import { checkLeaks, eventually } from '../../harness.ts'
import { openMailServer } from './mail-server.ts'
import { openRig } from './rig.ts'

checkLeaks()

test('full disk - what a step has made, and that a mail was taken, is written down when there is room, and not done again', async (t) => {
  const server = await openMailServer(t)
  const addresses = { REPORT_SENDER: 'paper@example.org', REPORT_TO_SECONDARY: 'amy@example.org' }
  const rig = await openRig(t, { env: { ...addresses, SMTP_URL: server.url } })
  const file = join(rig.home, 'db', 'reports.db')
  const roomForPaper = fillDisk(file, "UPDATE OF state ON reports WHEN NEW.state = 'proof'")
  const roomForMail = fillDisk(file, "UPDATE OF state ON mails WHEN NEW.state = 'sent'")
  const { report_id } = await rig.ask.create({ lang: 'en', date: '2026-11-23' })
  await eventually(() => wasRefused(rig.log), { timeout_ms: 20_000 })
  assert.equal((await rig.ask.get({ report_id })).state, 'typeset')
  const from = rig.log.length
  roomForPaper()
  await eventually(() => rig.log.slice(from).some((line) => line.includes('what came of a mail could not be written')), {
    timeout_ms: 20_000,
  })
  roomForMail()
  const report = await rig.ended(report_id)
  assert.deepEqual([report.state, report.reason, report.mail?.state], ['done', null, 'sent'])
  assert.deepEqual(
    report.progress.map(({ state }) => state),
    ['gather', 'write', 'typeset', 'typeset', 'proof', 'send', 'done'],
  )
  assert.equal(server.taken.length, 1)
})
