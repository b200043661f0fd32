/** The doctor as metrics runs it: the real command, and programs that misbehave. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { pino } from 'pino'
import { Doctor, type DoctorOptions } from '../../../services/metrics/doctor.ts'
import { atEnd, checkLeaks, eventually, type Scope, tempDir } from '../../harness.ts'

checkLeaks()

const log = pino({ level: 'silent' })

const open = (t: Scope, options: Partial<DoctorOptions> = {}) => {
  const doctor = new Doctor({ log, environment: { PATH: process.env.PATH }, home: tempDir(t), ...options })
  atEnd(t, () => doctor.close())
  return doctor
}

/** A program that notes each of its starts, then does this. */
const program = (t: Scope, script: string) => {
  const [folder, finding] = [tempDir(t), { check: 'disk', state: 'warn', what: 'full', advice: 'Free some.' }]
  const started = path.join(folder, 'started')
  const said = JSON.stringify({ state: 'warn', findings: [finding, { check: 'node', state: 'ok', what: 'new' }] })
  const source = `const { appendFileSync, existsSync, writeFileSync } = require('node:fs')
    appendFileSync(${JSON.stringify(started)}, process.pid + '\\n')
    const answer = () => process.stdout.write(${JSON.stringify(said)})
    ${script}`
  const pids = (): number[] => readFileSync(started, { encoding: 'utf8', flag: 'a+' }).split('\n').filter(Boolean).map(Number)
  return { folder, pids, command: [process.execPath, '-e', source] as const }
}

const isThere = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const SECRETS = {
  GATEWAY_TOKEN: 'sekret-gateway-token',
  METRICS_SECRET: 'sekret-metrics-secret',
  SMTP_URL: 'smtp://someone:sekret-smtp@127.0.0.1:9',
  ANTHROPIC_API_KEY: 'sekret-api-key',
  OLLAMA_BASE_URL: 'http://user:sekret-ollama@127.0.0.1:9',
}

test('metrics doctor - tells what the real command finds, in every check, and no secret', async (t) => {
  const home = tempDir(t)
  const environment = { ...SECRETS, PATH: process.env.PATH, HOME: home, CLAUDE_BIN: 'demo', GATEWAY_PORT: '1' }
  const began = Date.now()
  const { state, findings, examined_at, took_ms } = await open(t, { environment, home }).examine()
  assert.ok(findings.length > 15, JSON.stringify(findings))
  for (const check of ['node', 'claude', 'services', 'disk', 'permissions', 'mail'])
    assert.ok(
      findings.some((finding) => finding.check === check && finding.what !== ''),
      check,
    )
  assert.ok(findings.every((finding) => finding.state === 'ok' || (finding.advice ?? '') !== ''))
  assert.equal(state, findings.some((finding) => finding.state === 'fail') ? 'fail' : 'warn')
  assert.ok(examined_at >= began && took_ms > 0)
  assert.doesNotMatch(JSON.stringify(findings), /sekret/)
})

test('metrics doctor - who asks at the same time shares a run; its findings are kept for seconds, and looked for anew on demand', async (t) => {
  let now = 1_000_000
  const { folder, pids, command } = program(
    t,
    `const wait = setInterval(() => {
    if (!existsSync(process.env.SWITCHBOARD_HOME + '/go')) return
    clearInterval(wait)
    answer()
    process.exitCode = 1
  }, 5)`,
  )
  const doctor = open(t, { command, home: folder, now: () => now, fresh_ms: 5_000 })
  const asked = [doctor.examine(), doctor.examine({ anew: true }), doctor.examine()]
  await eventually(() => pids().length === 1)
  writeFileSync(path.join(folder, 'go'), '')
  const answers = await Promise.all(asked)
  assert.deepEqual(
    answers[0]?.findings.map(({ check, advice }) => [check, advice]),
    [
      ['disk', 'Free some.'],
      ['node', null],
    ],
  )
  assert.ok(answers.every((answer) => answer === answers[0]))
  now += 4_000
  assert.equal(await doctor.examine(), answers[0])
  assert.equal(pids().length, 1)
  assert.equal((await doctor.examine({ anew: true })).examined_at, now)
  now += 7_000
  await doctor.examine()
  assert.equal(pids().length, 3)
})

test('metrics doctor - a command that hangs is killed with what it started, and that is the finding; the next one is tried', async (t) => {
  const { folder, pids, command } = program(
    t,
    `
    if (existsSync(process.env.SWITCHBOARD_HOME + '/well')) answer()
    else {
      const { spawn } = require('node:child_process')
      const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'inherit' })
      writeFileSync(process.env.SWITCHBOARD_HOME + '/child', String(child.pid))
      setInterval(() => undefined, 1_000)
    }`,
  )
  const doctor = open(t, { command, home: folder, deadline_ms: 4_000 })
  const { state, findings } = await doctor.examine()
  assert.deepEqual([state, findings.length, findings[0]?.check, findings[0]?.state], ['fail', 1, 'doctor', 'fail'])
  assert.match(findings[0]?.what ?? '', /no answer within 4 s/)
  assert.match(findings[0]?.advice ?? '', /npx switchboard doctor/)
  const child = Number(readFileSync(path.join(folder, 'child'), 'utf8'))
  await eventually(() => ![...pids(), child].some(isThere))
  writeFileSync(path.join(folder, 'well'), '')
  assert.equal((await doctor.examine()).state, 'warn')
})

test('metrics doctor - no program, no JSON and a flood are findings, too; none of what was said gets through', async (t) => {
  const say = async (command: readonly [string, ...string[]]): Promise<string> => {
    const { findings } = await open(t, { command }).examine()
    assert.equal(findings.length, 1)
    return findings[0]?.what ?? ''
  }
  assert.match(await say(['/nowhere/switchboard']), /could not be run/)
  assert.match(await say(program(t, `console.log('sekret'); process.exitCode = 1`).command), /no answer that can be read/)
  assert.match(
    await say(program(t, `console.log('{"state":"ok","findings":[{"check":1}]}')`).command),
    /no answer that can be read/,
  )
  assert.match(
    await say(program(t, `const go = () => process.stdout.write('x'.repeat(65536), go); go()`).command),
    /far too much/,
  )
})

test('metrics doctor - the end of metrics ends a run, and who waits for it is told', async (t) => {
  const { pids, command } = program(t, 'setInterval(() => undefined, 1_000)')
  const doctor = open(t, { command })
  const asked = doctor.examine().then(
    () => 'answered',
    (error: { code?: string }) => error.code,
  )
  await eventually(() => pids().length === 1)
  await doctor.close()
  assert.equal(await asked, 'closing')
  await eventually(() => !pids().some(isThere))
})
