/** Each check of the doctor, where all is well and where it is not. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { makeBackup } from '../../cli/backup/making.ts'
import { checkAgent, checkLogin } from '../../cli/doctor/agent.ts'
import { checkBackups } from '../../cli/doctor/backups.ts'
import { checkDatabases } from '../../cli/doctor/databases.ts'
import { checkOllama } from '../../cli/doctor/embeddings.ts'
import { CHECKS, examine } from '../../cli/doctor/examination.ts'
import { type Finding, findingsOf, toLines, worstOf } from '../../cli/doctor/finding.ts'
import { checkClock, checkDisk, checkPermissions, checkSessionFolder } from '../../cli/doctor/machine.ts'
import { checkNode, checkPm2, isAtLeast } from '../../cli/doctor/node.ts'
import { checkAgents, checkPort, checkServices } from '../../cli/doctor/processes.ts'
import { checkFonts, checkMail, checkTypesetting } from '../../cli/doctor/reports.ts'
import { surroundingsOf } from '../../cli/doctor/surroundings.ts'
import type { Pm2 } from '../../cli/pm2.ts'
import { SERVICES } from '../../cli/settings.ts'
import { takeLock } from '../../services/runtime/lock.ts'
import { closeDatabase, openDatabase } from '../../services/runtime/sqlite.ts'
import { atEnd, checkLeaks } from '../harness.ts'
import { answering, app, root, surroundings } from './doctored.ts'
import { openHouse } from './house.ts'
import { startAgent, startSleeper } from './sleeper.ts'

checkLeaks()

/** The state, and for all but `ok` that there is something to do. */
const stateOf = ({ state, what, advice }: Finding): string => {
  assert.ok(what.length > 0)
  if (state !== 'ok') assert.ok((advice ?? '').length > 10, `"${what}" says what to do`)
  return state
}

test('doctor - versions compare by their numbers', () => {
  for (const version of ['20.18.0', 'v20.18', '20.19.1', '22.0.0', '100.0.0']) assert.ok(isAtLeast(version, [20, 18]), version)
  for (const version of ['20.17.9', '18.20.0', '9.99.99', 'x', '']) assert.ok(!isAtLeast(version, [20, 18]), version)
})

test('doctor - node: too old fails', async () => {
  assert.equal(stateOf(await checkNode({ node_version: '20.18.0' })), 'ok')
  assert.equal(stateOf(await checkNode({ node_version: '18.19.0' })), 'fail')
})

test('doctor - pm2: told with its daemon; one that died without leave warns; none installed fails', async (t) => {
  const around = surroundings(t)
  assert.match((await checkPm2(around)).what, /not running/)
  assert.match((await checkPm2({ ...around, pm2: { ...around.pm2, daemonPid: () => 4711 } })).what, /process 4711/)
  mkdirSync(around.settings.pm2_home)
  writeFileSync(path.join(around.settings.pm2_home, 'pm2.pid'), '4711')
  assert.equal(stateOf(await checkPm2(around)), 'warn')
  const settings = { ...around.settings, root: around.settings.home }
  assert.equal(stateOf(await checkPm2({ ...around, settings })), 'fail')
})

test('doctor - claude: version, root with its permission mode, and a program that says nothing', async (t) => {
  const there = { onPath: () => '/opt/bin/claude', uid: 1_000, run: answering('claude', '2.1.330 (Claude Code)\n') }
  const around = surroundings(t, there)
  const well = await checkAgent(around)
  assert.equal(stateOf(well), 'ok')
  assert.match(well.what, /2\.1\.330.*bypassPermissions/)
  assert.equal(stateOf(await checkAgent({ ...around, run: answering('claude', '2.1.197 (Claude Code)') })), 'warn')
  assert.equal(stateOf(await checkAgent({ ...around, onPath: () => null })), 'warn')
  assert.equal(stateOf(await checkAgent({ ...around, run: async () => null })), 'fail')
  assert.equal(stateOf(await checkAgent({ ...around, run: answering('claude', 'oops', 1) })), 'fail')
  assert.match((await checkAgent({ ...around, env: { ...around.env, CLAUDE_BIN: 'demo' } })).what, /demo agent/)

  const asRoot = { ...around, uid: 0 }
  assert.equal(stateOf(await checkAgent(asRoot)), 'fail')
  assert.equal(stateOf(await checkAgent({ ...asRoot, environment: { IS_SANDBOX: '1' } })), 'ok')
  assert.equal(stateOf(await checkAgent({ ...asRoot, env: { ...around.env, CLAUDE_PERMISSION_MODE: 'acceptEdits' } })), 'ok')
})

test('doctor - login: a key, a file or a keychain entry counts, and no secret is told', async (t) => {
  const around = surroundings(t, { onPath: () => '/opt/bin/claude' })
  assert.equal(stateOf(await checkLogin(around)), 'warn')
  const byKey = await checkLogin({ ...around, environment: { ANTHROPIC_API_KEY: 'sk-planted' } })
  assert.equal(stateOf(byKey), 'ok')
  assert.doesNotMatch(JSON.stringify(byKey), /planted/)
  const mac = { ...around, platform: 'darwin' as const }
  assert.equal(stateOf(await checkLogin({ ...mac, run: answering('security', '') })), 'ok')
  assert.equal(stateOf(await checkLogin({ ...mac, run: answering('security', '', 44) })), 'warn')
  mkdirSync(path.join(around.user_home, '.claude'))
  writeFileSync(path.join(around.user_home, '.claude', '.credentials.json'), '{}')
  assert.equal(stateOf(await checkLogin(around)), 'ok')
  assert.equal(stateOf(await checkLogin({ ...surroundings(t), onPath: () => null })), 'ok')
})

test('doctor - ollama: absent warns, and fails where it was asked for; so does a model that it has not', async (t) => {
  const around = surroundings(t)
  const mode = (EMBEDDINGS: string) => ({ ...around, env: { ...around.env, EMBEDDINGS } })
  const having = (...names: string[]) => ({ fetchJson: async () => ({ models: names.map((name) => ({ name })) }) })
  assert.equal(stateOf(await checkOllama(around)), 'warn')
  assert.equal(stateOf(await checkOllama(mode('ollama'))), 'fail')
  assert.equal(stateOf(await checkOllama(mode('off'))), 'ok')
  assert.equal(stateOf(await checkOllama(mode('embedded'))), 'ok')
  assert.equal(stateOf(await checkOllama({ ...around, ...having('nomic-embed-text:latest') })), 'ok')
  assert.equal(stateOf(await checkOllama({ ...around, ...having('llama3:8b') })), 'warn')
  assert.equal(stateOf(await checkOllama({ ...mode('ollama'), ...having('llama3:8b') })), 'fail')
  assert.equal(stateOf(await checkOllama({ ...around, fetchJson: async () => 'not what Ollama says' })), 'warn')
})

test('doctor - ollama: a name and a password in its address are sent as a login, and are not printed', async (t) => {
  const around = surroundings(t)
  const asked: (string | undefined)[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization)
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ models: [] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => void server.close())
  const { port } = server.address() as AddressInfo
  const { fetchJson } = surroundingsOf(
    { args: [], settings: around.settings, pm2: around.pm2 as Pm2, print: () => undefined },
    { ...process.env, SWITCHBOARD_HOME: around.settings.home },
  )
  const OLLAMA_BASE_URL = `http://ann:se%3Acret@127.0.0.1:${port}`
  const found = await checkOllama({ ...around, fetchJson, env: { ...around.env, OLLAMA_BASE_URL } })
  assert.match(found.what, /Ollama answers on http:\/\/127\.0\.0\.1:\d+ and has no nomic-embed-text/)
  assert.deepEqual(asked, [`Basic ${Buffer.from('ann:se:cret').toString('base64')}`])
})

test('doctor - xelatex and fonts: what is there is told, what is there and broken warns', async (t) => {
  const around = surroundings(t, { onPath: (name) => `/usr/bin/${name}` })
  const tex = await checkTypesetting({ ...around, run: answering('xelatex', 'XeTeX 3.14 (TeX Live 2022)\nmore') })
  assert.deepEqual([tex.state, tex.what], ['ok', 'reports are set by XeLaTeX (XeTeX 3.14 (TeX Live 2022))'])
  const without = { ...around, onPath: () => null }
  const wanting = (REPORT_ENGINE: string) => ({ environment: { REPORT_ENGINE } })
  for (const [given, state, what] of [
    [around, 'warn', /gave no answer: reports are set by the built-in Typst/],
    [without, 'ok', /no XeLaTeX: reports are set by the built-in Typst/],
    [{ ...around, ...wanting('typst') }, 'ok', /built-in Typst, as REPORT_ENGINE says/],
    [{ ...without, ...wanting('xelatex') }, 'warn', /which is not there: reports are set by the built-in Typst/],
  ] as const) {
    const finding = await checkTypesetting(given)
    assert.equal(finding.state, state)
    assert.match(finding.what, what)
  }
  assert.match((await checkFonts({ ...around, ...wanting('typst') })).what, /brings its own/)
  assert.equal(stateOf(await checkFonts({ ...around, run: answering('fc-list', 'WenQuanYi Micro Hei\n') })), 'ok')
  assert.equal(stateOf(await checkFonts({ ...around, run: answering('fc-list', '') })), 'warn')
  assert.equal(stateOf(await checkFonts({ ...around, platform: 'darwin' })), 'ok')
})

test('doctor - mail: an address that is none fails, and its password is never told', async (t) => {
  const around = surroundings(t)
  assert.match((await checkMail(around)).what, /outbox/)
  const good = await checkMail({ ...around, environment: { SMTP_URL: 'smtp://me:planted@mail.example.org:587' } })
  assert.deepEqual([good.state, good.what], ['ok', 'by SMTP through mail.example.org'])
  for (const SMTP_URL of ['planted', 'https://me:planted@mail.example.org', 'smtp://']) {
    const bad = await checkMail({ ...around, environment: { SMTP_URL } })
    assert.equal(stateOf(bad), 'fail', SMTP_URL)
    assert.doesNotMatch(JSON.stringify(bad), /planted/)
  }
})

test('doctor - disk: little warns, too little fails', async (t) => {
  const around = surroundings(t)
  assert.equal(stateOf(await checkDisk(around)), 'ok')
  assert.equal(stateOf(await checkDisk({ ...around, freeDiskMb: () => 2_000 })), 'warn')
  assert.equal(stateOf(await checkDisk({ ...around, freeDiskMb: () => 1_023 })), 'fail')
})

test('doctor - clock: a moment that cannot be, one before our own files, and one that nobody keeps right', async (t) => {
  const around = surroundings(t)
  assert.equal(stateOf(await checkClock(around)), 'ok')
  assert.equal(stateOf(await checkClock({ ...around, now: () => 0 })), 'fail')
  assert.equal(stateOf(await checkClock({ ...around, run: answering('timedatectl', 'no\n') })), 'warn')
  assert.equal(stateOf(await checkClock({ ...around, run: answering('timedatectl', 'yes\n') })), 'ok')
  writeFileSync(path.join(around.settings.home, 'db', 'history.db'), '')
  assert.equal(stateOf(await checkClock(around)), 'ok')
  assert.equal(stateOf(await checkClock({ ...around, now: () => Date.now() - 3_600_000 })), 'fail')
})

test('doctor - permissions: a settings file that others may read warns, a folder of another user fails', async (t) => {
  const around = surroundings(t)
  const { home } = around.settings
  const settings = { ...around.settings, root: path.join(home, 'no-checkout') }
  assert.equal(stateOf(await checkPermissions({ ...around, settings })), 'ok')
  writeFileSync(path.join(home, '.env'), 'GATEWAY_TOKEN=planted\n')
  chmodSync(path.join(home, '.env'), 0o644)
  const open = await checkPermissions({ ...around, settings })
  assert.equal(stateOf(open), 'warn')
  assert.match(open.advice ?? '', /chmod go-rwx .*\.env$/)
  assert.doesNotMatch(JSON.stringify(open), /planted/)
  assert.equal(stateOf(await checkPermissions({ settings, uid: 4_711 })), 'fail')
})

test('doctor - sessions: a folder of another installation fails', async (t) => {
  const around = surroundings(t)
  assert.equal(stateOf(await checkSessionFolder(around)), 'ok')
  const base = around.env.GATEWAY_SESSION_DIR
  mkdirSync(base)
  writeFileSync(path.join(base, '.switchboard-owner'), `${around.settings.home}\n`)
  assert.equal(stateOf(await checkSessionFolder(around)), 'ok')
  writeFileSync(path.join(base, '.switchboard-owner'), '/elsewhere\n')
  assert.equal(stateOf(await checkSessionFolder(around)), 'fail')
})

test('doctor - port: free, ours, or of another program', async (t) => {
  const around = surroundings(t)
  assert.equal(stateOf(await checkPort(around)), 'ok')
  assert.equal(stateOf(await checkPort({ ...around, answers: async () => true, isListening: async () => true })), 'ok')
  const taken = await checkPort({ ...around, isListening: async () => true })
  assert.equal(stateOf(taken), 'fail')
  assert.match(taken.what, /another program/)
  const pm2 = { ...around.pm2, list: async () => [app('edge')] }
  const silent = await checkPort({ ...around, pm2, isListening: async () => true })
  assert.equal(stateOf(silent), 'fail')
  assert.match(silent.what, /does not answer/)
})

test('doctor - services: none, all, one too few, one that dies again and again', async (t) => {
  const around = surroundings(t)
  const listing = (apps: ReturnType<typeof app>[]) => ({ ...around, pm2: { ...around.pm2, list: async () => apps } })
  assert.equal(stateOf(await checkServices(around)), 'warn')
  assert.equal(stateOf(await checkServices(listing(SERVICES.map((name) => app(name))))), 'ok')
  const few = await checkServices(listing(SERVICES.slice(1).map((name) => app(name))))
  assert.equal(stateOf(few), 'fail')
  assert.match(few.what, new RegExp(SERVICES[0]))
  assert.equal(stateOf(await checkServices(listing(SERVICES.map((name) => app(name, { restarts: 50 }))))), 'warn')
})

test('doctor - agents: those that live while sessions does not warn; one that has ended does not count', async (t) => {
  const around = surroundings(t)
  assert.equal(stateOf(await checkAgents(around)), 'ok')
  const folder = path.join(around.settings.home, 'agents', '7')
  const pid = startAgent(t, folder)
  const left = await checkAgents(around)
  assert.equal(stateOf(left), 'warn')
  assert.match(left.what, new RegExp(`\\b${pid}\\b`))
  const lock = await takeLock({ run_dir: around.settings.run_dir, name: 'sessions', wait_ms: 0 })
  assert.equal(stateOf(await checkAgents(around)), 'ok')
  lock.release()
  writeFileSync(path.join(folder, 'exit'), '0\n')
  assert.equal(stateOf(await checkAgents(around)), 'ok')
})

test('doctor - agents: a stranger that has the number of one whom the machine took with it is none', async (t) => {
  const around = surroundings(t)
  const folder = path.join(around.settings.home, 'agents', '7')
  mkdirSync(folder)
  writeFileSync(path.join(folder, 'pid'), `${startSleeper(t)}\n`)
  const { what } = await checkAgents(around)
  assert.equal(what, 'none is left over')
})

test('doctor - databases: sound, in use, broken, and from the future', async (t) => {
  const around = surroundings(t)
  const place = around.databases.find(({ service }) => service === 'history')
  assert.ok(place)
  const look = async (): Promise<Finding> => await checkDatabases({ ...around, databases: [place] })
  assert.equal(stateOf(await look()), 'ok')
  const make = (): void =>
    closeDatabase(openDatabase({ path: place.file, migrations_dir: place.migrations_dir, synchronous: 'NORMAL' }))
  make()
  assert.match((await look()).what, /sound: history/)

  const lock = await takeLock({ run_dir: around.settings.run_dir, name: 'history', wait_ms: 0 })
  assert.match((await look()).what, /open in their services: history/)
  lock.release()

  const database = openDatabase({ path: place.file, migrations_dir: place.migrations_dir, synchronous: 'NORMAL' })
  database.pragma('user_version = 99')
  closeDatabase(database)
  const future = await look()
  assert.equal(stateOf(future), 'fail')
  assert.match(future.what, /newer version \(schema 99/)

  writeFileSync(place.file, 'this is no database, whatever its name says. '.repeat(100))
  assert.equal(stateOf(await look()), 'fail')
})

test('doctor - backups: none of something, an old one, a young one, and a restore left half done', async (t) => {
  const around = surroundings(t)
  const { home } = around.settings
  assert.equal(stateOf(await checkBackups(around)), 'ok')
  const place = around.databases.find(({ service }) => service === 'memory')
  assert.ok(place)
  closeDatabase(openDatabase({ path: place.file, migrations_dir: place.migrations_dir, synchronous: 'NORMAL' }))
  assert.equal(stateOf(await checkBackups(around)), 'ok', 'begun today')
  assert.equal(stateOf(await checkBackups({ ...around, now: () => Date.now() + 3 * 86_400_000 })), 'warn')
  await makeBackup(around.settings, Date.now())
  assert.equal(stateOf(await checkBackups(around)), 'ok')
  assert.equal(stateOf(await checkBackups({ ...around, now: () => Date.now() + 3 * 86_400_000 })), 'warn')
  const { state, what } = await checkBackups({ ...around, now: () => Date.now() - 86_400_000 })
  assert.deepEqual([state, /dated in the future/.test(what)], ['warn', true])
  for (const [every, days, wanted] of [
    [168, 14, 'ok'],
    [168, 15, 'warn'],
    [0, 900, 'ok'],
  ] as const) {
    const env = { ...around.env, BACKUP_EVERY_HOURS: every }
    assert.equal(stateOf(await checkBackups({ ...around, env, now: () => Date.now() + days * 86_400_000 })), wanted, `${every} h`)
  }
  writeFileSync(path.join(home, 'restore.json'), '{}')
  assert.equal(stateOf(await checkBackups(around)), 'fail')
})

test('doctor - backups: a link to a disk that is away is wrong, and it is said what to do', async (t) => {
  const around = surroundings(t)
  const shelf = path.join(around.settings.home, 'backups')
  rmSync(shelf, { recursive: true })
  symlinkSync(path.join(around.user_home, 'disk'), shelf)
  const { state, what, advice } = await checkBackups(around)
  assert.deepEqual([state, what], ['fail', 'no backup can be made'])
  assert.match(advice ?? '', /a link to .*disk, leads nowhere\. Attach the disk/)
})

test('doctor - port: an edge that accepts and never answers is told of as that, within the time of a check', async (t) => {
  const hung = createServer(() => undefined)
  await new Promise<void>((resolve) => hung.listen(0, '127.0.0.1', resolve))
  atEnd(t, () => {
    hung.closeAllConnections()
    hung.close()
  })
  const { port } = hung.address() as AddressInfo
  const settings = { ...surroundings(t).settings, port, url: `http://127.0.0.1:${port}` }
  const pm2 = { daemonPid: () => 1, list: async () => [app('edge')] } as unknown as Pm2
  const around = surroundingsOf({ args: [], settings, pm2, print: () => undefined }, process.env)
  const [finding] = await examine(around, { port: checkPort })
  assert.deepEqual([finding?.state, /does not answer as it should/.test(finding?.what ?? '')], ['fail', true], finding?.what)
})

test('doctor - a check that throws or never ends is a finding, and the others are told all the same', async (t) => {
  const findings = await examine(
    surroundings(t),
    {
      throws: async () => {
        throw new Error('the wheel came off')
      },
      hangs: () => new Promise(() => undefined),
      works: async () => findingsOf('works').ok('fine'),
    },
    50,
  )
  assert.deepEqual(
    findings.map(({ check, state }) => [check, state]),
    [
      ['throws', 'fail'],
      ['hangs', 'warn'],
      ['works', 'ok'],
    ],
  )
  assert.match(findings[0]?.what ?? '', /the wheel came off/)
  assert.equal(worstOf(findings), 'fail')
  assert.match(toLines(findings).join('\n'), /^FAIL {2}throws/)
})

test('doctor - every check bears the name under which it is listed', async (t) => {
  const findings = await examine(surroundings(t))
  assert.deepEqual(
    findings.map(({ check }) => check),
    Object.keys(CHECKS),
  )
})

test('doctor - the command works offline, tells JSON, and exits 1 only where something is wrong', async (t) => {
  const house = await openHouse(t)
  const env = { EMBEDDINGS: 'off' }
  const well = await house.run(['doctor', '--json'], env)
  const { state, findings } = JSON.parse(well.output) as { state: string; findings: Finding[] }
  assert.deepEqual(
    findings.map(({ check }) => check),
    Object.keys(CHECKS),
  )
  assert.equal(state, 'warn', well.output)
  assert.equal(well.code, 0)
  const wrong = await house.run(['doctor'], { ...env, CLAUDE_BIN: path.join(root, 'no-such-program') })
  assert.equal(wrong.code, 1)
  assert.match(wrong.output, /^FAIL {2}claude .*gave no answer/m)
  assert.match(wrong.output, /Something is wrong\.$/m)
})
