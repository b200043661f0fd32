/** Leaving: only what is ours is deleted, nothing behind a link, nothing unasked, and nothing while somebody is at work. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { findBackup, nameOf } from '../../cli/backup/shelf.ts'
import { openSessionRows } from '../../cli/import/sessions/store.ts'
import type { App, Pm2 } from '../../cli/pm2.ts'
import type { Settings } from '../../cli/settings.ts'
import { listBelongings } from '../../cli/uninstall/belongings.ts'
import { deleteChats, isOwner, releaseBase } from '../../cli/uninstall/chats.ts'
import { endProcesses, processesOf } from '../../cli/uninstall/processes.ts'
import { readChats } from '../../cli/uninstall/store.ts'
import { type AskPerson, uninstallBy } from '../../cli/uninstall.ts'
import { isAlive, isLinux } from '../../services/runtime/process.ts'
import { atEnd, checkLeaks, type Scope, tempDir } from '../harness.ts'
import { app, root, surroundings } from './doctored.ts'
import { furnished } from './furnished.ts'

checkLeaks()

/** The command as it would be called, for a home in which nothing runs. */
const call = async (
  t: Scope,
  settings: Settings,
  args: readonly string[],
  answers: readonly string[] | null = null,
  base = path.join(settings.home, '../chats'),
  apps: readonly App[] = [],
) => {
  const lines: string[] = []
  const questions: string[] = []
  const left = [...(answers ?? [])]
  const ask: AskPerson = async (question) => {
    questions.push(question)
    return left.shift() ?? ''
  }
  const before = { SWITCHBOARD_HOME: process.env.SWITCHBOARD_HOME, GATEWAY_SESSION_DIR: process.env.GATEWAY_SESSION_DIR }
  Object.assign(process.env, { SWITCHBOARD_HOME: settings.home, GATEWAY_SESSION_DIR: base })
  atEnd(t, () => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  })
  const pm2 = { daemonPid: () => null, list: async () => apps }
  const code = await uninstallBy(() => (answers === null ? null : { ask, close: () => undefined })).run({
    ...{ args, settings, print: (line: string) => void lines.push(line) },
    pm2: pm2 as unknown as Pm2,
  })
  return { code, output: lines.join('\n'), questions }
}

test('uninstall - asks by a word, and without it, or without a terminal, changes nothing', async (t) => {
  const settings = furnished(t)
  for (const answers of [
    ['', 'yes'],
    ['', ''],
  ]) {
    const { code, output, questions } = await call(t, settings, [], answers)
    assert.equal(code, 1)
    assert.match(output, /Nothing was changed/)
    assert.equal(questions.length, 2)
  }
  const alone = await call(t, settings, [])
  assert.equal(alone.code, 2)
  assert.match(alone.output, /--yes/)
  assert.ok(existsSync(path.join(settings.home, 'db/memory.db')))
})

test('uninstall - says what goes and what stays, makes a last backup, and then the folder is gone', async (t) => {
  const settings = furnished(t)
  const target = path.join(settings.home, '../last')
  const inside = call(t, settings, [], [path.join(settings.home, 'last'), 'delete'])
  await assert.rejects(inside, /Name another folder/)
  const { code, output } = await call(t, settings, [], [target, 'delete'])
  assert.equal(code, 0, output)
  assert.match(output, /deletes for good:[\s\S]*\/db {2}less than 1 MB[\s\S]*It stays:[\s\S]*the checkout/)
  assert.ok(!existsSync(settings.home))
  const [name = ''] = readdirSync(target)
  assert.equal(findBackup('/nowhere', path.join(target, name)).manifest.files.length, 1)
})

test('uninstall - what is not ours is named, and nothing at all is deleted', async (t) => {
  const settings = furnished(t)
  writeFileSync(path.join(settings.home, 'thesis.md'), '')
  mkdirSync(path.join(settings.home, 'reports/my own'))
  writeFileSync(path.join(settings.home, 'db/notes.db'), '')
  const { code, output } = await call(t, settings, ['--yes'])
  assert.equal(code, 1)
  for (const name of ['thesis.md', 'reports/my own', 'db/notes.db']) assert.match(output, new RegExp(`^ {2}${name}$`, 'm'))
  assert.ok(existsSync(path.join(settings.home, 'db/memory.db')))
})

test('uninstall - what a crash has left half done is ours, too', (t) => {
  const settings = furnished(t)
  const uuid = '01234567-89ab-cdef-0123-456789abcdef'
  const names = [
    'reports/mail-7.json',
    `archives/import-${uuid}/.harness/tasks.json`,
    `archives/${uuid}.partial/entry.json`,
    'archives/index.json.partial',
    'archives/index.json.new',
    `backups/${nameOf(0)}.partial/db/memory.db`,
    'restore.json.partial',
    'imported.json.partial',
    '.env.partial',
    'restore.partial/db/memory.db',
  ]
  for (const name of names) {
    mkdirSync(path.dirname(path.join(settings.home, name)), { recursive: true })
    writeFileSync(path.join(settings.home, name), '')
  }
  assert.deepEqual(listBelongings(settings.home).strangers, [])
})

test('uninstall - the folder of the last backup may be named by ~', async (t) => {
  const settings = furnished(t)
  const before = process.env.HOME
  const user_home = tempDir(t)
  process.env.HOME = user_home
  atEnd(t, () => {
    if (before === undefined) delete process.env.HOME
    else process.env.HOME = before
  })
  assert.equal((await call(t, settings, ['--yes', '--backup', '~/last'])).code, 0)
  assert.equal(readdirSync(path.join(user_home, 'last')).length, 1)
})

test('uninstall - links go and what they lead to stays, also where the home itself is one', async (t) => {
  const settings = furnished(t)
  const disk = tempDir(t)
  writeFileSync(path.join(disk, 'precious'), 'kept')
  symlinkSync(disk, path.join(settings.home, 'tokens'))
  symlinkSync(disk, path.join(settings.home, 'logs', 'far.log'))
  const link = path.join(path.dirname(settings.home), 'link')
  symlinkSync(settings.home, link)
  const { code, output } = await call(t, { ...settings, home: link, pm2_home: path.join(link, 'pm2') }, ['--yes'])
  assert.equal(code, 0, output)
  assert.match(output, /tokens {2}the link alone; /)
  assert.equal(readFileSync(path.join(disk, 'precious'), 'utf8'), 'kept')
  assert.ok(!existsSync(settings.home))
  assert.deepEqual(readdirSync(path.dirname(settings.home)), [])
})

test('uninstall - cut off in the middle, the same command goes on', async (t) => {
  const settings = furnished(t)
  const { ours, strangers } = listBelongings(settings.home)
  assert.deepEqual(strangers, [])
  assert.ok(ours.length > 5)
  for (const gone of ['db', 'agents', 'logs']) rmSync(path.join(settings.home, gone), { recursive: true })
  assert.equal((await call(t, settings, ['--yes'])).code, 0)
  assert.ok(!existsSync(settings.home))
})

test('uninstall - a PM2 that looks after others, too, is left alone with all the rest', async (t) => {
  const settings = furnished(t)
  const base = path.join(settings.home, '../chats')
  const { code, output } = await call(t, settings, ['--yes'], null, base, [app('theirs', { namespace: 'default' })])
  assert.equal(code, 1)
  assert.match(output, /looks after others, too: theirs\. Move them/)
  assert.ok(existsSync(path.join(settings.home, 'db/memory.db')))
})

test('uninstall - an agent or a job of ours cannot call it', async (t) => {
  const settings = furnished(t)
  for (const [name, value] of [
    ['SWITCHBOARD_TURN_FILE', path.join(settings.home, 'agents/1/turn')],
    ['SWITCHBOARD_RUN', 'x.1'],
  ] as const) {
    process.env[name] = value
    atEnd(t, () => void delete process.env[name])
    assert.equal((await call(t, settings, ['--yes'])).code, 1)
    delete process.env[name]
  }
  assert.ok(existsSync(settings.home))
})

/** Two chats of ours with their records, and beside them what is not ours. */
const chatsIn = (t: Scope) => {
  const { settings } = surroundings(t)
  const folder = realpathSync(tempDir(t))
  const [base, claude] = [path.join(folder, 'chats'), path.join(folder, 'claude')]
  const rows = openSessionRows(settings.home, root)
  const ids = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']
  const place = (bot: string, chat: string, ...conversations: string[]): string => {
    const cwd = path.join(base, bot, chat)
    const project = path.join(claude, 'projects', cwd.replace(/[^A-Za-z0-9]/g, '-'))
    mkdirSync(cwd, { recursive: true })
    mkdirSync(project, { recursive: true })
    writeFileSync(path.join(cwd, 'work.txt'), '')
    for (const id of conversations) {
      mkdirSync(path.join(project, id))
      writeFileSync(path.join(project, `${id}.jsonl`), '{}')
    }
    return project
  }
  const projects = [
    place('default', '1', ids[0] ?? ''),
    place('default', '2', ids[1] ?? '', '33333333-3333-4333-8333-333333333333'),
  ]
  place('default', 'stranger')
  for (const [n, chat_id] of ['1', '2'].entries())
    rows.add({
      ...{ bot_id: 'default', chat_id, cwd: path.join(base, 'default', chat_id), slug: `slug-${n}` },
      ...{ conversation_id: ids[n] ?? '', last_active_at: 0 },
    })
  rows.close()
  return { settings, base, claude, projects }
}

test('uninstall - chats: the folders and records of ours, and no others', (t) => {
  const { settings, base, claude, projects } = chatsIn(t)
  assert.deepEqual(deleteChats(base, claude, readChats(settings.home)), [])
  assert.deepEqual(readdirSync(path.join(base, 'default')), ['stranger'])
  assert.deepEqual(projects.map(existsSync), [false, true])
  assert.deepEqual(readdirSync(projects[1] ?? '').sort(), [
    '33333333-3333-4333-8333-333333333333',
    '33333333-3333-4333-8333-333333333333.jsonl',
  ])
})

test('uninstall - chats: a folder that leads out of the base is left and named', (t) => {
  const { settings, base, claude } = chatsIn(t)
  const outside = tempDir(t)
  writeFileSync(path.join(outside, 'precious'), '')
  const [chat, ...rest] = readChats(settings.home)
  const cwd = path.join(base, 'default', 'link')
  symlinkSync(outside, cwd)
  const left = deleteChats(base, claude, [{ cwd, conversations: chat?.conversations ?? [] }, ...rest])
  assert.deepEqual(left, [`${cwd} leads out of ${base}`])
  assert.ok(existsSync(path.join(outside, 'precious')))
})

test('uninstall - chats that lie in the home itself are asked for by their option, and strangers among them keep it', async (t) => {
  const settings = furnished(t)
  const base = path.join(settings.home, 'chats')
  const leave = async (...args: string[]) => await call(t, settings, ['--yes', ...args], null, base)
  mkdirSync(path.join(base, 'default', '1'), { recursive: true })
  writeFileSync(path.join(base, '.switchboard-owner'), `${settings.home}\n`)
  const refused = await leave()
  assert.equal(refused.code, 1)
  assert.match(refused.output, /chats \(the files of the chats: --chats deletes them\)/)
  await assert.rejects(leave('--chats'), /is left what is none of Switchboard's: chats\. Move it away/)
  assert.ok(existsSync(path.join(settings.home, 'db/memory.db')))
  rmSync(base, { recursive: true })
  assert.equal((await leave('--chats')).code, 0)
  assert.ok(!existsSync(settings.home))
})

test('uninstall - the base is given back only where it is ours, and goes where it is empty', (t) => {
  const base = tempDir(t)
  writeFileSync(path.join(base, '.switchboard-owner'), '/srv/a/.switchboard\n')
  releaseBase(base, '/srv/b/.switchboard')
  assert.ok(isOwner(base, '/srv/a/.switchboard'))
  writeFileSync(path.join(base, 'mine'), '')
  releaseBase(base, '/srv/a/.switchboard')
  assert.deepEqual(readdirSync(base), ['mine'])
})

test('uninstall - ends what carries a mark of this home, and nobody else', {
  skip: !isLinux && 'environments can be read on Linux alone',
}, async (t) => {
  const { settings } = surroundings(t)
  mkdirSync(path.join(settings.home, 'cron', 'r.1'), { recursive: true })
  const start = async (env: Record<string, string>): Promise<number> => {
    const child = spawn('/bin/sh', ['-c', 'echo; exec sleep 60'], { env, stdio: ['ignore', 'pipe', 'ignore'] })
    const ended = once(child, 'exit')
    atEnd(t, async () => {
      child.kill('SIGKILL')
      await ended
    })
    await once(child.stdout, 'data')
    return child.pid ?? 0
  }
  const ours = [
    await start({ SWITCHBOARD_TURN_FILE: path.join(settings.home, 'agents/1/turn') }),
    await start({ SWITCHBOARD_RUN: 'r.1' }),
  ]
  const others = [
    await start({ SWITCHBOARD_TURN_FILE: '/elsewhere/agents/1/turn' }),
    await start({ SWITCHBOARD_RUN: 'r.2', HOME: path.join(settings.home, 'agents') }),
  ]
  assert.deepEqual(processesOf(settings.home).sort(), [...ours].sort())
  assert.deepEqual(await endProcesses(settings.home, 0), [])
  assert.deepEqual(processesOf(settings.home), [])
  assert.ok(others.every(isAlive))
})
