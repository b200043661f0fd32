/** The life of the service: how it begins, that a stop in mid-turn loses nothing, and that it leaves nothing behind. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { readHealth, unreachable } from '../../cli/edge.ts'
import { exportLines, hasDaemon } from '../../cli/service/beginning.ts'
import { UNIT } from '../../cli/service/systemd.ts'
import { isAlive } from '../../services/runtime/process.ts'
import { atEnd, checkLeaks, eventually, type Scope, tempDir } from '../harness.ts'
import { root } from './doctored.ts'
import { type House, livingIn, openHouse } from './house.ts'

checkLeaks()

test('service - what the starter exports survives a shell', () => {
  const hostile = `/srv/it's "here" $HOME \`id\` 50%`
  const lines = exportLines({ pm2_home: hostile, ecosystem: { SWITCHBOARD_HOME: hostile } })
  const { stdout } = spawnSync('/bin/sh', ['-c', `${lines.join('\n')}\nprintf '%s|%s' "$PM2_HOME" "$SWITCHBOARD_HOME"`], {
    encoding: 'utf8',
  })
  assert.equal(stdout, `${hostile}|${hostile}`)
})

test('service - a PM2 that answers is seen, and the file of one that died is not taken for one', async (t) => {
  const folder = tempDir(t)
  writeFileSync(path.join(folder, 'pm2.pid'), String(process.pid))
  assert.equal(await hasDaemon(folder), false)
  const server = createServer((socket) => socket.end()).listen(path.join(folder, 'rpc.sock'))
  await once(server, 'listening')
  assert.equal(await hasDaemon(folder), true)
  server.close()
})

/** A checkout whose programs only write down how they were called. */
const hollowCheckout = (t: Scope) => {
  const folder = path.join(tempDir(t), "it's a checkout")
  const journal = path.join(folder, 'journal')
  for (const each of ['cli', 'dist/cli', 'node_modules/pm2/bin', 'node_modules/better-sqlite3'])
    mkdirSync(path.join(folder, each), { recursive: true })
  writeFileSync(path.join(folder, 'dist/cli/main.js'), '')
  const binding = path.join(folder, 'node_modules/better-sqlite3/index.js')
  writeFileSync(binding, 'module.exports = class { close() {} }\n')
  const note = `require('node:fs').appendFileSync(${JSON.stringify(journal)}, [process.argv.slice(2).join(' '), process.env.MARK ?? ''].join('|') + '\\n')\n`
  const module = `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)\n${note}`
  writeFileSync(
    path.join(folder, 'cli/switchboard.mjs'),
    `${module}if (process.argv[2] === 'service') { if (process.env.REFUSE) { console.log('still runs'); process.exit(1) } console.log("export MARK='from the settings'") }\n`,
  )
  writeFileSync(path.join(folder, 'node_modules/pm2/bin/pm2-runtime'), note)
  const begin = (node: string, more: Record<string, string> = {}) =>
    spawnSync('/bin/sh', [path.join(root, 'cli/service/start.sh'), node, folder], {
      encoding: 'utf8',
      env: { PATH: `${path.dirname(process.execPath)}:/usr/bin:/bin`, HOME: folder, ...more },
    })
  return {
    folder,
    binding,
    begin,
    calls: () => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').filter(Boolean) : []),
  }
}

test('service - the starter: settings, then PM2 in its place, with what ecosystem.config.js reads', (t) => {
  const { folder, begin, calls } = hollowCheckout(t)
  assert.equal(begin(process.execPath).status, 0)
  assert.deepEqual(calls(), ['service environment|', `start ${folder}/ecosystem.config.js --no-auto-exit|from the settings`])
})

test('service - the starter: refused by what still runs, it begins nothing and says so', (t) => {
  const { begin, calls } = hollowCheckout(t)
  const { status, stderr } = begin(process.execPath, { REFUSE: '1' })
  assert.deepEqual([status, stderr.trim()], [1, 'still runs'])
  assert.deepEqual(calls(), ['service environment|'])
})

test('service - the starter: with a Node.js that is gone another one is found, and what was compiled is looked after', (t) => {
  const { folder, begin, calls } = hollowCheckout(t)
  const own = path.join(folder, '.nvm/versions/node/v99.0.0/bin')
  mkdirSync(own, { recursive: true })
  symlinkSync(process.execPath, path.join(own, 'node'))
  const { status, stdout } = begin(path.join(folder, 'gone'), { PATH: '/usr/bin:/bin' })
  assert.equal(status, 0)
  assert.match(stdout, /gone is gone, .*node takes its place/)
  assert.deepEqual(
    calls().filter((call) => !call.startsWith('help')),
    ['build|', 'service environment|', `start ${folder}/ecosystem.config.js --no-auto-exit|from the settings`],
  )
})

test('service - the starter: a Node.js that was replaced in its place has everything compiled for it', (t) => {
  const { binding, begin, calls } = hollowCheckout(t)
  writeFileSync(binding, "throw new Error('compiled against a different Node.js version')\n")
  assert.equal(begin(process.execPath).status, 0)
  assert.deepEqual(calls().slice(0, 2), ['build|', 'service environment|'])
})

/** Starts what a unit starts, with the environment that it has; ended with the test. */
const startUnit = (t: Scope, house: House) => {
  const { PATH = '', HOME = '' } = process.env
  const child: ChildProcess = spawn(
    '/bin/sh',
    [path.join(root, 'cli/service/start.sh'), process.execPath, root.replace(/\/$/, '')],
    {
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH,
        HOME,
        SWITCHBOARD_HOME: house.home,
        GATEWAY_PORT: String(house.port),
        GATEWAY_SESSION_DIR: path.join(house.home, '../chats'),
        GATEWAY_MIN_FREE_MB: '0',
        CLAUDE_BIN: 'demo',
        DEMO_AGENT_SCRIPT: '1',
        DEMO_AGENT_JOURNAL: path.join(house.home, '../journal'),
        AGENT_ENV_PASS: 'DEMO_AGENT_SCRIPT,DEMO_AGENT_JOURNAL',
      },
    },
  )
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (output += text))
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  atEnd(t, async () => {
    child.kill('SIGTERM')
    await exit
  })
  return { child, exit, output: () => output }
}

/** Whether the edge answers and reaches every service. */
const answers = async (house: House): Promise<boolean> => {
  const health = await readHealth(house.url)
  return health !== null && unreachable(health).length === 0
}

test('service - stopped in mid-turn: PM2 alone is signalled, the agent finishes, and the answer is there after the next start', async (t) => {
  const house = await openHouse(t)
  const first = startUnit(t, house)
  await eventually(() => answers(house), { timeout_ms: 40_000, every_ms: 100 })
  const cut = house.send('{{tokens=150 delay_ms=20 label=late}} go').catch(() => 'cut')
  await eventually(() => house.journal().length === 1)
  assert.equal((await house.run(['status'])).code, 0)

  // A second one, as the unit of somebody who also called npm start, does not begin, and harms nobody.
  const second = startUnit(t, house)
  assert.equal(await second.exit, 1)
  assert.match(second.output(), /still runs/)
  // And what runs without being installed has to be stopped before it is.
  const refused = await house.run(['service', 'install'], { HOME: tempDir(t) })
  assert.equal(refused.code, 1)
  assert.match(refused.output, /started by hand and still runs\. Stop it first: npm stop/)
  assert.ok(await answers(house))

  const services = house.jlist().map(({ pid }) => pid)
  first.child.kill('SIGTERM')
  assert.equal(await first.exit, 0)
  await cut
  assert.ok(!services.some(isAlive))
  assert.ok(house.agents().length > 0, 'the agent is still speaking')

  const third = startUnit(t, house)
  await eventually(() => answers(house), { timeout_ms: 40_000, every_ms: 100 })
  const kept = await eventually(async () => {
    const messages = await house.history()
    return messages.length === 2 ? messages : null
  })
  assert.match(kept[1]?.content ?? '', /^late t0 .* t149$/)
  assert.equal(house.journal().length, 1)
  third.child.kill('SIGTERM')
  assert.equal(await third.exit, 0)
})

/** A `systemctl` that does for one unit what the real one does: starts and stops what its ExecStart names. */
const workingSystemctl = (folder: string): void => {
  const pid = path.join(folder, 'unit.pid')
  writeFileSync(
    path.join(folder, 'systemctl'),
    `#!/bin/sh
printf '%s\\n' "systemctl $*" >>'${folder}/journal'
unit="$HOME/.config/systemd/user/switchboard.service"
alive() { [ -s '${pid}' ] && kill -0 "$(cat '${pid}')" 2>/dev/null; }
stop() { if alive; then kill -TERM "$(cat '${pid}')"; while alive; do sleep 0.1; done; fi; }
start() {
  alive && return
  command=$(sed -n 's/^ExecStart=//p' "$unit")
  sh -c "exec setsid $command" >'${folder}/unit.log' 2>&1 </dev/null & echo $! >'${pid}'
}
case "$2" in
  start) start ;;
  restart) stop; start ;;
  stop) stop ;;
  disable) stop ;;
  is-active) alive || exit 3 ;;
esac
`,
  )
  writeFileSync(path.join(folder, 'loginctl'), '#!/bin/sh\n')
  for (const name of ['systemctl', 'loginctl']) chmodSync(path.join(folder, name), 0o755)
}

test('service - install, npm stop, npm start and uninstall go through the manager, and nothing is left', {
  skip: process.platform !== 'linux' && 'systemd',
}, async (t) => {
  const house = await openHouse(t)
  const folder = tempDir(t)
  workingSystemctl(folder)
  const env = { HOME: folder, PATH: `${folder}:${process.env.PATH}` }
  const pid = (): number => Number.parseInt(readFileSync(path.join(folder, 'unit.pid'), 'utf8'), 10)
  atEnd(t, () => {
    if (existsSync(path.join(folder, 'unit.pid')) && isAlive(pid())) process.kill(pid(), 'SIGTERM')
  })
  const installed = await house.run(['service', 'install'], env)
  assert.equal(installed.code, 0, installed.output)
  assert.match(installed.output, /write them into .*\.env: .*CLAUDE_BIN/)
  assert.match(installed.output, /Listening on/)
  assert.equal(house.pm2Pid(), pid(), 'the unit became PM2 itself')
  const file = path.join(folder, '.config/systemd/user', UNIT)
  assert.ok(existsSync(file))
  assert.equal((await house.run(['service', 'status'], env)).code, 0)

  const down = await house.run(['down'], env)
  assert.equal(down.code, 0, down.output)
  assert.ok(!isAlive(pid()))
  assert.match(readFileSync(path.join(folder, 'journal'), 'utf8'), /systemctl --user stop switchboard\.service/)
  assert.equal((await house.run(['service', 'status'], env)).code, 1)

  const up = await house.run(['up'], env)
  assert.equal(up.code, 0, up.output)
  assert.equal(house.pm2Pid(), pid(), 'started by the manager, not beside it')

  const gone = await house.run(['uninstall', '--yes'], env)
  assert.equal(gone.code, 0, gone.output)
  assert.match(gone.output, new RegExp(`Uninstalled; ${file} is gone\\.\\n(?!Your data stays)[\\s\\S]*Switchboard is gone`))
  assert.ok(!existsSync(file))
  assert.ok(!isAlive(pid()))
  assert.deepEqual(livingIn(path.dirname(house.home)), [])
  assert.ok(!existsSync(house.home))
})
