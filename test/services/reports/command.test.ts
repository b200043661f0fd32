/** `switchboard report` against the real process: what it says, and with which exit code it ends. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { UsageError } from '../../../cli/arguments.ts'
import type { Context } from '../../../cli/command.ts'
import { report } from '../../../cli/report.ts'
import { JOBS, jobOf } from '../../../cli/report-jobs.ts'
import { checkLeaks, ready, startModule, tempDir } from '../../harness.ts'
import { openRig } from './rig.ts'

checkLeaks()

const openCommand = async (t: TestContext) => {
  const home = tempDir(t)
  const env = { SWITCHBOARD_HOME: home, CLAUDE_BIN: 'demo', REPORT_ENGINE: 'typst', GATEWAY_SESSION_DIR: join(home, 'chats') }
  for (const service of ['reports', 'scheduler']) {
    const child = startModule(t, `services/${service}/main.ts`, env)
    await ready(child)
  }
  return async (...args: string[]) => {
    const lines: string[] = []
    const settings = { run_dir: join(home, 'run'), home, root: '/checkout', url: 'http://127.0.0.1:1' }
    const context = { args, settings, print: (line: string) => void lines.push(line) } as unknown as Context
    return { code: await report.run(context), lines }
  }
}

test('report command - tells each step, where the PDF lies, and that the day has gone out', async (t) => {
  const run = await openCommand(t)
  const { code, lines } = await run('--lang', 'cn', '--date', '2026-11-23')
  assert.equal(code, 0, lines.join('\n'))
  assert.equal(lines[0], 'Ordered')
  assert.ok(lines.some((line) => /^The mail lies in .*\.eml$/.test(line)))
  const pdf = lines.at(-1)?.replace('PDF: ', '') ?? ''
  assert.ok(pdf.endsWith('/daily_cn_2026-11-23.pdf') && existsSync(pdf))
  await assert.rejects(run('--lang', 'cn', '--date', '2026-11-23'), /Nothing was made\..*--force/)
  assert.equal((await run('--lang', 'cn', '--date', '2026-11-23', '--preview')).code, 0, 'a preview counts apart')
  assert.equal((await run('--lang', 'cn', '--date', '2026-11-23', '--no-send')).code, 0)
  for (const wrong of [[], ['--lang', 'fr'], ['--lang', 'cn', '--what']]) await assert.rejects(run(...wrong), UsageError)
})

test('report command - offers two jobs at nine, each on the clocks of its readers, once', async (t) => {
  const run = await openCommand(t)
  const first = await run('schedule')
  assert.equal(first.code, 0)
  assert.match(
    first.lines[0] ?? '',
    /^Morning paper \(Chinese\): job 1, every day at 9:00 Asia\/Shanghai; next \d{4}-\d\d-\d\dT09:00:00\+08:00$/,
  )
  assert.match(first.lines[1] ?? '', /job 2, every day at 9:00 America\/Los_Angeles; next .*T09:00:00-0[78]:00$/)
  const again = await run('schedule')
  assert.ok(again.lines.slice(0, 2).every((line) => line.includes('there already')))
})

test('report command - the line of a job survives a shell, whatever the folders are called', () => {
  const [job] = JOBS
  assert.ok(job)
  const { command } = jobOf(job, "/a b/it's $HOME", "/ho me/`id`'")
  // What the shell makes of it, with something harmless in the place of the program.
  const shown = execFileSync('sh', ['-c', `set -- ${command.replace(/^SWITCHBOARD_HOME=/, '')}; printf '%s\\n' "$@"`], {
    encoding: 'utf8',
  })
  assert.deepEqual(shown.trim().split('\n'), [
    "/ho me/`id`'",
    process.execPath,
    "/a b/it's $HOME/cli/switchboard.mjs",
    'report',
    '--lang',
    'cn',
  ])
  assert.ok(command.startsWith('SWITCHBOARD_HOME='))
  assert.ok(!jobOf(job, '/a', null).command.includes('SWITCHBOARD_HOME'))
})

test('reports - where XeLaTeX fails the built-in typesetter gets its try, and it is told', async (t) => {
  const bin = tempDir(t)
  const file = join(bin, 'xelatex')
  writeFileSync(file, '#!/bin/sh\n[ "$1" = --version ] && echo XeTeX 9 && exit 0\necho "! Font trouble" >paper.log\nexit 1\n')
  chmodSync(file, 0o755)
  const rig = await openRig(t, { env: { REPORT_ENGINE: 'auto', PATH: `${bin}:${process.env.PATH ?? ''}` } })
  assert.equal((await rig.ask.status({})).engine_version, 'XeTeX 9')
  const { report_id } = await rig.ask.create({ lang: 'en', send: false })
  const made = await rig.ended(report_id)
  assert.deepEqual([made.state, made.engine], ['done', 'typst'])
  assert.ok(made.progress.some(({ text }) => text.includes('XeLaTeX failed (exit code 1): ! Font trouble')))
})
