/** The command where nothing runs: what it says, what it refuses and with which exit code. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import path from 'node:path'
import { test } from 'node:test'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { isAlive } from '../../services/runtime/process.ts'
import { openHouse } from './house.ts'

test('command - help names every command that package.json offers', async (t) => {
  const { run } = await openHouse(t)
  const { code, output } = await run(['help'])
  assert.equal(code, 0)
  for (const name of ['up', 'down', 'restart', 'status', 'logs', 'monit', 'build', 'test', 'check', 'bench']) {
    assert.match(output, new RegExp(`^ {2}${name} `, 'm'))
  }
})

test('command - who asks what a command does gets help, and nothing is done', async (t) => {
  const { run, home } = await openHouse(t)
  for (const args of [['--help'], ['restart', '--help'], ['backup', '-h']]) {
    const { code, output } = await run(args)
    assert.equal(code, 0, args.join(' '))
    assert.match(output, /^Usage: npx switchboard/m)
    assert.doesNotMatch(output, /is not running/)
  }
  assert.ok(!existsSync(path.join(home, 'backups')), 'no backup was made')
})

test('command - runs from the checkout, whatever the working directory is', () => {
  const script = path.join(packageRoot(import.meta.url), 'cli/switchboard.mjs')
  const { status, stdout } = spawnSync(process.execPath, [script, 'help'], { cwd: '/', encoding: 'utf8' })
  assert.equal(status, 0)
  assert.match(stdout, /^Usage: npx switchboard/)
})

test('command - an unknown command is refused with help and exit code 2', async (t) => {
  const { run } = await openHouse(t)
  for (const name of ['upp', 'toString', '']) {
    const { code, output } = await run([name])
    assert.equal(code, 2)
    assert.match(output, /There is no command/)
    assert.match(output, /Usage: npx switchboard/)
  }
})

test('command - where nothing runs, status, logs, monit, restart and down say so and start nothing', async (t) => {
  const house = await openHouse(t)
  const expected = { status: 1, logs: 0, monit: 1, restart: 1, down: 0 }
  for (const [name, code] of Object.entries(expected)) {
    const ran = await house.run([name])
    assert.equal(ran.code, code, `${name}: ${ran.output}`)
    assert.match(ran.output, /Switchboard is not running/)
  }
  assert.ok(!existsSync(path.join(house.home, 'pm2/pm2.pid')))
})

test('command - what only looks makes no data folder where there is none', async (t) => {
  const house = await openHouse(t)
  for (const name of ['status', 'logs', 'monit', 'down']) {
    rmSync(house.home, { recursive: true, force: true })
    assert.match((await house.run([name])).output, /Switchboard is not running/)
    assert.ok(!existsSync(house.home), name)
  }
  assert.match((await house.run(['doctor'], { EMBEDDINGS: 'off' })).output, /WARN {2}services .*not running/)
  assert.ok(!existsSync(house.home), 'doctor')
})

test('command - tells all wrong settings together and repeats none of their values', async (t) => {
  const { run, home } = await openHouse(t)
  const { code, output } = await run(['up'], { GATEWAY_PORT: 'eight', EDGE_MAX_MEMORY: 'plenty' })
  assert.equal(code, 1)
  assert.match(output, /GATEWAY_PORT/)
  assert.match(output, /EDGE_MAX_MEMORY/)
  assert.doesNotMatch(output, /eight|plenty/)
  assert.ok(!existsSync(path.join(home, 'pm2')))
})

test('command - up refuses a port that another program has, names it and starts nothing', async (t) => {
  const house = await openHouse(t)
  const other = createServer((_, response) => response.end('mine'))
  await new Promise<void>((resolve) => other.listen(house.port, '127.0.0.1', resolve))
  t.after(() => other.close())
  const { code, output } = await house.run(['up'])
  assert.equal(code, 1)
  assert.match(output, new RegExp(`Port ${house.port} on 127\\.0\\.0\\.1 is taken by another program`))
  assert.match(output, new RegExp(`GATEWAY_PORT=${house.port + 1} npm start`))
  assert.deepEqual(house.jlist(), [])
})

test('command - up refuses a home whose path is too long for sockets', async (t) => {
  const house = await openHouse(t)
  const long = path.join(house.home, 'x'.repeat(80))
  const { code, output } = await house.run(['up'], { SWITCHBOARD_HOME: long })
  assert.equal(code, 1)
  assert.match(output, /SWITCHBOARD_HOME is too long for sockets/)
  assert.ok(!existsSync(path.join(long, 'pm2')))
})

test('command - up shows the last words of a service that cannot start, and leaves nothing running', async (t) => {
  const house = await openHouse(t)
  mkdirSync(path.join(house.home, 'db/history.db'), { recursive: true })
  const { code, output } = await house.run(['up'])
  assert.equal(code, 1, output)
  assert.match(output, /The service "history" does not start\. Its last words:\n {2}\S/)
  assert.match(output, /Nothing was left running/)
  assert.ok(!isAlive(house.pm2Pid()))
  assert.deepEqual(house.agents(), [])
  assert.ok(readdirSync(path.join(house.home, 'logs')).includes('history.log'))
})
