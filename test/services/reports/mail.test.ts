/** Mail through a real server: what arrives, who gets it, and what becomes of it when the server says no, or nothing. */
import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkLeaks, eventually, type Scope } from '../../harness.ts'
import { type MailServer, openMailServer } from './mail-server.ts'
import { openRig, type Rig, type RigOptions } from './rig.ts'

checkLeaks()

const READERS = {
  REPORT_SENDER: 'paper@example.org',
  REPORT_TO_PRIMARY: 'li@example.org, wang@example.org',
  REPORT_TO_SECONDARY: 'amy@example.org',
  REPORT_CC: 'owner@example.org',
}

const openHouse = async (t: Scope, options: RigOptions = {}): Promise<{ rig: Rig; server: MailServer }> => {
  const server = await openMailServer(t)
  const env = { ...READERS, SMTP_URL: server.url, ...options.env }
  return { server, rig: await openRig(t, { retry_ms: [50, 50], ...options, env }) }
}

const make = async (rig: Rig, order: object) => {
  const { report_id } = await rig.ask.create(order)
  return await rig.ended(report_id)
}

test('mail - arrives whole: addresses, encodings, and the PDF that is on disk', async (t) => {
  const { rig, server } = await openHouse(t)
  const report = await make(rig, { lang: 'cn', date: '2026-11-23' })
  assert.deepEqual([report.state, report.mail?.state, report.mail?.way], ['done', 'sent', 'smtp'])
  const [taken, ...more] = server.taken
  assert.deepEqual(more, [])
  assert.deepEqual(taken?.to, ['li@example.org', 'wang@example.org', 'owner@example.org'])
  assert.equal(taken?.from, 'paper@example.org')
  const mail = taken?.mail
  assert.equal(mail?.subject, '每日智能报告 - 2026年11月23日')
  assert.equal(mail?.messageId, report.mail?.message_id)
  assert.match(mail?.text ?? '', /^早上好！[\s\S]*=== 时政与经济 ===[\s\S]*祝您今天一切顺利！/)
  const [pdf, ...others] = mail?.attachments ?? []
  assert.deepEqual([pdf?.filename, pdf?.contentType, others.length], ['daily_cn_2026-11-23.pdf', 'application/pdf', 0])
  assert.deepEqual(pdf?.content, Buffer.from((await rig.ask.pdf({ report_id: report.report_id })).bytes))
  // RFC 5321 and 5322: 7-bit headers, no long line, CR LF alone.
  const lines = taken?.raw.toString('latin1').split('\r\n') ?? []
  assert.ok(lines.every((line) => line.length <= 998 && !/[\r\n]/.test(line)))
  assert.ok(lines.slice(0, lines.indexOf('')).every((line) => /^[\x20-\x7e\t]*$/.test(line)))
})

test('mail - nobody gets the same day twice: not by a repeat, not by a longer list, but by force', async (t) => {
  const { rig, server } = await openHouse(t)
  const order = { lang: 'en', date: '2026-11-23' }
  const [one, same] = await Promise.all([rig.ask.create(order), rig.ask.create(order)])
  assert.equal(same.report_id, one.report_id, 'a second order attaches')
  await rig.ended(one.report_id)
  await assert.rejects(rig.ask.create(order), { code: 'conflict' })
  await assert.rejects(rig.ask.send({ report_id: one.report_id }), { code: 'conflict' })
  await rig.close()
  const env = { ...READERS, SMTP_URL: server.url, REPORT_TO_SECONDARY: 'amy@example.org, bob@example.org' }
  const later = await openRig(t, { home: rig.home, env })
  await make(later, order)
  assert.deepEqual(
    server.taken.map(({ to }) => to),
    [['amy@example.org', 'owner@example.org'], ['bob@example.org']],
  )
  await make(later, { ...order, force: true })
  assert.deepEqual(server.taken.at(-1)?.to, ['amy@example.org', 'bob@example.org', 'owner@example.org'])
})

test('mail - a preview goes to CC alone, is marked, and does not count as the report', async (t) => {
  const { rig, server } = await openHouse(t)
  await make(rig, { lang: 'en', date: '2026-11-23', preview: true })
  await make(rig, { lang: 'cn', date: '2026-11-23', preview: true })
  await make(rig, { lang: 'cn', date: '2026-11-23' })
  assert.deepEqual(
    server.taken.map(({ to, mail }) => [to, mail.subject?.startsWith('[PREVIEW] ')]),
    [
      [['owner@example.org'], true],
      [['owner@example.org'], true],
      [['li@example.org', 'wang@example.org', 'owner@example.org'], false],
    ],
  )
})

test('mail - without send nothing is mailed; it can be mailed later, once', async (t) => {
  const { rig, server } = await openHouse(t)
  const report = await make(rig, { lang: 'cn', send: false })
  assert.deepEqual([report.state, report.mail, server.taken.length], ['done', null, 0])
  await rig.ask.send({ report_id: report.report_id })
  assert.equal((await rig.ended(report.report_id)).mail?.state, 'sent')
  assert.equal(server.taken.length, 1)
  await assert.rejects(rig.ask.send({ report_id: report.report_id }), { code: 'conflict' })
})

test('mail - an order that wants it mailed joins one that did not', async (t) => {
  const { rig, server } = await openHouse(t)
  const first = await rig.ask.create({ lang: 'cn', date: '2026-11-23', send: false })
  const second = await rig.ask.create({ lang: 'cn', date: '2026-11-23' })
  assert.equal(second.report_id, first.report_id)
  assert.equal((await rig.ended(first.report_id)).mail?.state, 'sent')
  assert.equal(server.taken.length, 1)
})

test('mail - without a Claude readers get no example: the report fails, and the owner is told', async (t) => {
  const none = { CLAUDE_BIN: undefined as unknown as string, PATH: '/nowhere' }
  const { rig, server } = await openHouse(t, { env: none })
  const report = await make(rig, { lang: 'cn', date: '2026-11-23' })
  assert.deepEqual([report.state, report.step, report.example], ['failed', 'gather', false])
  await eventually(() => server.taken.length === 1)
  assert.deepEqual(server.taken[0]?.to, ['owner@example.org'])
  assert.match(server.taken[0]?.mail.text ?? '', /There is no Claude CLI: install it/)
  assert.deepEqual((await make(rig, { lang: 'cn', date: '2026-11-23', preview: true })).example, true)
})

test('mail - the English edition is one thread a week, previews apart', async (t) => {
  const { rig, server } = await openHouse(t)
  // A Friday, then Monday to Wednesday of the next week; one of them as a preview first.
  await make(rig, { lang: 'en', date: '2026-11-20' })
  await make(rig, { lang: 'en', date: '2026-11-23' })
  await make(rig, { lang: 'en', date: '2026-11-24', preview: true })
  await make(rig, { lang: 'en', date: '2026-11-24' })
  await make(rig, { lang: 'en', date: '2026-11-25' })
  const mails = server.taken.map(({ mail }) => mail)
  assert.deepEqual(
    mails.map(({ subject }) => subject),
    [
      'The Morning Paper - November 20, 2026',
      'The Morning Paper - November 23, 2026',
      '[PREVIEW] The Morning Paper - November 24, 2026',
      'Re: The Morning Paper - November 23, 2026',
      'Re: The Morning Paper - November 23, 2026',
    ],
  )
  const [, monday, , tuesday, wednesday] = mails
  assert.equal(tuesday?.inReplyTo, monday?.messageId)
  assert.equal(wednesday?.inReplyTo, tuesday?.messageId)
  assert.deepEqual(wednesday?.references, [monday?.messageId, tuesday?.messageId])
})

test('mail - a server that is busy is tried again, one that refuses for good is not, and the owner reads why', async (t) => {
  const { rig, server } = await openHouse(t)
  server.refuse = { code: 451, message: 'come back later' }
  const { report_id } = await rig.ask.create({ lang: 'cn', date: '2026-11-23' })
  await eventually(async () => ((await rig.ask.get({ report_id })).mail?.attempts ?? 0) >= 1)
  server.refuse = null
  assert.equal((await rig.ended(report_id)).mail?.state, 'sent')
  assert.equal(server.taken.length, 1)

  server.refuse = { code: 554, message: 'we want no papers' }
  const refused = await make(rig, { lang: 'cn', date: '2026-11-24' })
  assert.deepEqual([refused.state, refused.step, refused.mail?.attempts], ['failed', 'send', 1])
  assert.match(refused.reason ?? '', /554 we want no papers/)
  // Nobody has had it: it may be sent again without force.
  await eventually(() => rig.query<{ state: string }>("SELECT state FROM mails WHERE kind = 'alert'")[0]?.state === 'failed')
  server.refuse = null
  await rig.ask.send({ report_id: refused.report_id })
  assert.equal((await rig.ended(refused.report_id)).state, 'done')
  assert.equal(server.taken.length, 2)
})

test('mail - a server that hangs up behind the last line: nobody knows, and nothing is sent again', async (t) => {
  const { rig, server } = await openHouse(t)
  server.refuse = 'hang up'
  const report = await make(rig, { lang: 'cn', date: '2026-11-23' })
  assert.deepEqual([report.state, report.mail?.state], ['doubtful', 'doubtful'])
  await assert.rejects(rig.ask.create({ lang: 'cn', date: '2026-11-23' }), { code: 'conflict' })
})

test('mail - one recipient that is refused does not keep it from the others', async (t) => {
  const { rig, server } = await openHouse(t)
  server.refuseRecipient = (address) => (address.startsWith('wang') ? { code: 550, message: 'no such user' } : null)
  const report = await make(rig, { lang: 'cn', date: '2026-11-23' })
  assert.deepEqual([report.state, report.notes], ['done', ['127.0.0.1 refused these recipients: wang@example.org']])
  assert.deepEqual(server.taken[0]?.to, ['li@example.org', 'owner@example.org'])
})

test('mail - a name and a password are used, and stand in no log, reply or error', async (t) => {
  const server = await openMailServer(t)
  const secret = 's3cret/word'
  const good = server.url.replace('//', `//paper:${encodeURIComponent(secret)}@`)
  const rig = await openRig(t, { env: { ...READERS, SMTP_URL: good }, retry_ms: [] })
  assert.equal((await make(rig, { lang: 'cn', date: '2026-11-23' })).state, 'done')
  const wrong = await openRig(t, { env: { ...READERS, SMTP_URL: good.replace('s3cret', 'wr0ng') }, retry_ms: [] })
  const report = await make(wrong, { lang: 'cn', date: '2026-11-23' })
  assert.match(report.reason ?? '', /does not accept the name or the password of SMTP_URL/)
  const said = JSON.stringify([report, wrong.log, rig.log, await wrong.ask.status({})])
  assert.doesNotMatch(said, /s3cret|wr0ng/)
})

test('mail - what is missing is said, and the report stays on disk', async (t) => {
  const { rig } = await openHouse(t, { env: { REPORT_TO_PRIMARY: '', REPORT_CC: '' } })
  const report = await make(rig, { lang: 'cn', date: '2026-11-23' })
  assert.equal(report.state, 'done')
  assert.match(report.notes.join(), /nobody is named in REPORT_TO_PRIMARY or REPORT_CC/)
  const { missing } = await rig.ask.status({})
  assert.ok(missing.some((line) => line.includes('Nobody gets the cn edition')))
  assert.equal((await rig.ask.pdf({ report_id: report.report_id })).bytes.length, report.bytes)
})

test('mail - a PDF that is not the one that was proofed does not leave', async (t) => {
  const { rig, server } = await openHouse(t)
  const report = await make(rig, { lang: 'cn', date: '2026-11-23', send: false })
  const [folder = ''] = readdirSync(join(rig.home, 'reports')).filter((name) => name.startsWith('2026-11-23'))
  rmSync(join(rig.home, 'reports', folder), { recursive: true })
  await assert.rejects(rig.ask.send({ report_id: report.report_id }), { code: 'conflict' })
  await assert.rejects(rig.ask.pdf({ report_id: report.report_id }), { code: 'gone' })
  assert.equal(server.taken.length, 0)
})
