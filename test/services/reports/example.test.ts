/** The whole path without an account: the demo agent, each typesetter, a mail in a file. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { simpleParser } from 'mailparser'
import { checkLeaks } from '../../harness.ts'
import { openRig } from './rig.ts'

checkLeaks()

for (const lang of ['cn', 'en'] as const) {
  test(`reports - the ${lang} example goes from the order to a mail in a file, and says that it is one`, async (t) => {
    const rig = await openRig(t)
    const { report_id } = await rig.ask.create({ lang, date: '2026-11-23' })
    const report = await rig.ended(report_id)
    assert.deepEqual([report.state, report.reason, report.example, report.engine], ['done', null, true, 'typst'])
    assert.deepEqual(
      report.progress.map(({ state }) => state),
      ['gather', 'write', 'typeset', 'typeset', 'proof', 'send', 'done'],
    )
    assert.match(report.text ?? '', lang === 'cn' ? /示例/ : /Example/)
    const { bytes, name, content_type } = await rig.ask.pdf({ report_id })
    assert.deepEqual([name, content_type, bytes.length], [`daily_${lang}_2026-11-23.pdf`, 'application/pdf', report.bytes])

    const [file, ...others] = readdirSync(join(rig.home, 'outbox'))
    assert.deepEqual(others, [])
    const mail = await simpleParser(readFileSync(join(rig.home, 'outbox', file ?? '')))
    assert.equal(mail.subject, lang === 'cn' ? '每日智能报告 - 2026年11月23日' : 'The Morning Paper - November 23, 2026')
    assert.equal(report.mail?.file, join(rig.home, 'outbox', file ?? ''))
    assert.deepEqual(mail.attachments[0]?.content, Buffer.from(bytes))
    assert.match(mail.text ?? '', lang === 'cn' ? /=== A股与港股 ===/ : /It is November 23, 2026\. The weather/)
    const [folder = ''] = readdirSync(join(rig.home, 'reports')).filter((one) => one.startsWith('2026'))
    assert.deepEqual(
      readdirSync(join(rig.home, 'reports', folder)).sort(),
      [`daily_${lang}_2026-11-23.pdf`, `daily_${lang}_2026-11-23.txt`, 'paper.json'].sort(),
      'what the steps left is gone',
    )
    assert.equal(existsSync(join(rig.home, 'db', 'reports.db')), true)
  })
}
