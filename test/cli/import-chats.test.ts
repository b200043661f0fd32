/** Moving in: chats go on with the right conversation, and all of it in one command. */
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { test } from 'node:test'
import { copyArchives, importArchives } from '../../cli/import/archives.ts'
import { chooseConversation, isFoundAgain, recordsOf } from '../../cli/import/conversation.ts'
import { type AdoptionPlaces, adoptChats, copyChats, discardCopies, lookForChats } from '../../cli/import/sessions/adoption.ts'
import { openSessionRows, readSessions, type SessionRows } from '../../cli/import/sessions/store.ts'
import type { Predecessor } from '../../cli/import/store.ts'
import type { Tally } from '../../cli/import/tally.ts'
import { atEnd, checkLeaks, eventually, tempDir } from '../harness.ts'
import { root, surroundings } from './doctored.ts'
import { livingIn, openHouse } from './house.ts'
import { furnish, type OldHouse, oldHouse, opened } from './predecessor.ts'

checkLeaks()

const MAIN = '11111111-1111-4111-8111-111111111111'
const BESIDE = '22222222-2222-4222-8222-222222222222'

test('import - the right conversation is found by what was said, though another one is newer', async (t) => {
  const house = oldHouse(t)
  const cwd = house.addChat('hero_bot', '-100')
  house.addRecord(
    cwd,
    MAIN,
    [{ user: '[Global Memory]: …\n---\nUser: Where is the boat?' }, { assistant: 'In the harbour.' }],
    3_600,
  )
  house.addRecord(cwd, BESIDE, [{ user: 'Resume the harness loop' }, { assistant: 'Batch done.' }], 5)
  const files = recordsOf(house.claude, cwd)
  assert.equal(files.length, 2)
  const asked = { id: 1, role: 'user', content: 'Where is the boat?' } as const
  const answered = { id: 2, role: 'assistant', content: 'In the harbour.' } as const
  assert.deepEqual((await chooseConversation(files, [answered, asked]))?.id, MAIN)
  // The answer was streamed and never stored: the message still tells.
  const byMessage = await chooseConversation(files, [asked])
  assert.deepEqual([byMessage?.id, byMessage?.by], [MAIN, 'message'])
  // Work in the background was asked for last: the newest answer counts, not the newest message.
  const background = { id: 3, role: 'user', content: 'Resume the harness loop' } as const
  assert.equal((await chooseConversation(files, [background, answered, asked]))?.id, MAIN)
  const guess = await chooseConversation(files, [])
  assert.deepEqual([guess?.id, guess?.by, guess?.of], [BESIDE, 'age', 2])
  assert.equal(await chooseConversation([], [asked]), null)
})

test('import - torn lines and side chains of a record mislead nobody', async (t) => {
  const house = oldHouse(t)
  const cwd = house.addChat('default', '7')
  const file = house.addRecord(cwd, MAIN, [{ user: 'Hello' }, { assistant: 'One' }, { assistant: 'Two' }], 60)
  const side = { type: 'assistant', isSidechain: true, message: { content: [{ type: 'text', text: 'Aside' }] } }
  writeFileSync(file, `${readFileSync(file, 'utf8')}{"type":"user","mess\n"text"\n${JSON.stringify(side)}\n{"type":"us`)
  const by = async (content: string) => (await chooseConversation([file], [{ id: 1, role: 'assistant', content }]))?.by
  assert.equal(await by('One'), 'answer')
  assert.equal(await by('One\nTwo'), 'answer')
  assert.equal(await by('Aside'), 'age')
})

const placesOf = (house: OldHouse, folder: string) => ({
  from: house.chats,
  to: path.join(folder, 'chats'),
  claude_from: house.claude,
  claude_to: path.join(folder, 'claude'),
})

/** All of it, in its steps. */
const adoptAll = async (old: Predecessor, places: AdoptionPlaces, rows: SessionRows): Promise<Tally> => {
  const { tally, adoptions } = await lookForChats(old, places, rows)
  const ready = await copyChats(adoptions, places.claude_to, tally)
  adoptChats(ready, rows, tally)
  discardCopies(ready)
  return tally
}

test('import - chats: folder and record are copied to where they are looked for, nothing of the source is changed, and once', async (t) => {
  const house = oldHouse(t)
  const cwd = house.addChat('hero_bot', '-100')
  writeFileSync(path.join(cwd, 'notes.md'), 'mine')
  house.addRecord(cwd, MAIN, [{ user: 'Hello' }], 60)
  house.addChat('hero_bot', 'bg--100-abcd', { cwd })
  house.addChat('hero_bot', 'silent')
  house.insert('gateway_sessions', { bot_id: 'x', chat_id: 'gone', cwd: path.join(house.chats, 'x/gone'), last_active: 1 })
  house.insert('gateway_sessions', { bot_id: 'x', chat_id: 'evil', cwd: '/etc', last_active: 1 })
  house.insert('gateway_sessions', { bot_id: '../x', chat_id: '1', cwd, last_active: 1 })
  mkdirSync(path.join(house.chats, 'x'))
  symlinkSync('/etc', path.join(house.chats, 'x', 'link'))
  house.insert('gateway_sessions', { bot_id: 'x', chat_id: 'link', cwd: path.join(house.chats, 'x/link'), last_active: 1 })
  const before = house.sums()
  const old = opened(t, house.file)
  const folder = realpathSync(tempDir(t))
  const { home } = surroundings(t).settings
  const places = placesOf(house, folder)
  const { tally: dry } = await lookForChats(old, places, readSessions(home))
  assert.deepEqual([dry.found, dry.refused.length], [6, 5])
  assert.ok(!existsSync(places.to))

  const rows = openSessionRows(home, root)
  atEnd(t, () => rows.close())
  const tally = await adoptAll(old, places, rows)
  assert.deepEqual([tally.found, tally.taken, tally.refused.length], [6, 1, 5], tally.refused.join('\n'))
  const here = path.join(places.to, 'hero_bot', '-100')
  assert.equal(readFileSync(path.join(here, 'notes.md'), 'utf8'), 'mine')
  assert.ok(existsSync(path.join(places.claude_to, 'projects', here.replace(/[^A-Za-z0-9]/g, '-'), `${MAIN}.jsonl`)))
  assert.ok(rows.knows('hero_bot', '-100'))
  assert.deepEqual(readdirSync(path.dirname(here)), ['-100'])
  for (const known of [rows, readSessions(home)]) {
    const { tally: again, adoptions } = await lookForChats(old, places, known)
    assert.deepEqual([again.known, adoptions.length], [1, 0])
  }
  assert.deepEqual(house.sums(), before)
})

test('import - chats: in one folder for both nothing is copied; folders without a row count, too', async (t) => {
  const house = oldHouse(t, 0)
  const cwd = house.addChat('default', '7')
  house.addRecord(cwd, MAIN, [{ user: 'Hello' }], 60)
  const before = house.sums()
  const { home } = surroundings(t).settings
  const rows = openSessionRows(home, root)
  atEnd(t, () => rows.close())
  const places = { from: house.chats, to: house.chats, claude_from: house.claude, claude_to: house.claude }
  const tally = await adoptAll(opened(t, house.file), places, rows)
  assert.deepEqual([tally.taken, tally.review.length], [1, 1])
  assert.deepEqual(house.sums(), before)
})

test('import - chats that were idle, whose folder and row the predecessor deletes, go on where it would have gone on', async (t) => {
  for (const cwd of ['/srv/chats/default/7', '/chats/bot/-100']) assert.ok(isFoundAgain(cwd), cwd)
  for (const cwd of ['/chats/hero_bot/7', '/chats/v1.5/7', `/chats/${'x'.repeat(200)}/7`]) assert.ok(!isFoundAgain(cwd), cwd)

  const house = oldHouse(t)
  const said = { role: 'user', content: 'Hello', created_at: '2026-01-31 08:15:00' }
  house.insert(
    'chat_messages',
    { ...said, session_id: 'gw-default-7', telegram_chat_id: 7, bot_id: 'default' },
    { ...said, session_id: 'gw-8', telegram_chat_id: 8, bot_id: 'default' },
    { ...said, session_id: 'gw-hero_bot-9', telegram_chat_id: 9, bot_id: 'hero_bot' },
    { ...said, session_id: 'gw-default-silent', bot_id: 'default' },
    { ...said, session_id: 'cli-notes', bot_id: 'default' },
  )
  house.insert('gateway_sessions', { bot_id: 'default', chat_id: '7', cwd: path.join(house.chats, 'default/7'), last_active: 1 })
  const ids = [MAIN, BESIDE, '33333333-3333-4333-8333-333333333333']
  for (const [index, chat] of ['default/7', 'default/8', 'hero_bot/9'].entries())
    house.addRecord(path.join(house.chats, chat), ids[index] ?? '', [{ user: 'Hello' }], 60)
  const { home } = surroundings(t).settings
  const rows = openSessionRows(home, root)
  atEnd(t, () => rows.close())
  const places = placesOf(house, realpathSync(tempDir(t)))
  const tally = await adoptAll(opened(t, house.file), places, rows)
  assert.equal(tally.found, 4)
  assert.match(tally.refused.join('\n'), /hero_bot\/9: .* would not have found its conversation again/)
  // Some systems have such letters in the path of their folder for temporary files.
  const goesOn = isFoundAgain(house.chats)
  assert.deepEqual([tally.taken, tally.refused.length, tally.review.length], goesOn ? [2, 2, 2] : [0, 4, 0])
  assert.equal(rows.knows('default', '8'), goesOn)
  const folder = path.join(places.claude_to, 'projects', path.join(places.to, 'default/8').replace(/[^A-Za-z0-9]/g, '-'))
  assert.equal(existsSync(path.join(folder, `${BESIDE}.jsonl`)), goesOn)
})

test('import - chats whose folder was moved elsewhere are found there, with what the CLI knows by the path of before', async (t) => {
  const house = oldHouse(t)
  const cwd = house.addChat('default', '7')
  writeFileSync(path.join(cwd, 'notes.md'), 'mine')
  house.addRecord(cwd, MAIN, [{ user: 'Hello' }], 60)
  const moved = path.join(house.folder, 'moved')
  renameSync(house.chats, moved)
  const { home } = surroundings(t).settings
  const rows = openSessionRows(home, root)
  atEnd(t, () => rows.close())
  const places = { ...placesOf(house, realpathSync(tempDir(t))), from: moved }
  const tally = await adoptAll(opened(t, house.file), places, rows)
  assert.deepEqual([tally.found, tally.taken], [1, 1], tally.refused.join('\n'))
  assert.equal(readFileSync(path.join(places.to, 'default/7/notes.md'), 'utf8'), 'mine')
})

test('import - chats: what the file system has against one of them, or a socket in its folder, stops no other', async (t) => {
  const house = oldHouse(t)
  const names = ['a/1', 'b/1', 'c/1'] as const
  const folders = names.map((name) => house.addChat(path.dirname(name), '1'))
  const ids = [MAIN, BESIDE, '33333333-3333-4333-8333-333333333333']
  for (const [index, cwd] of folders.entries()) house.addRecord(cwd, ids[index] ?? '', [{ user: 'Hello' }], 60)
  const [unreadable = '', , furnished = ''] = folders
  const records = path.join(house.claude, 'projects', unreadable.replace(/[^A-Za-z0-9]/g, '-'))
  mkdirSync(path.join(records, '44444444-4444-4444-8444-444444444444.jsonl'))
  const places = placesOf(house, realpathSync(tempDir(t)))
  mkdirSync(places.to)
  writeFileSync(path.join(places.to, 'b'), 'no folder')
  writeFileSync(path.join(furnished, 'notes.md'), 'mine')
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path.join(furnished, 's'), resolve))
  atEnd(t, () => void server.close())
  const { home } = surroundings(t).settings
  const rows = openSessionRows(home, root)
  atEnd(t, () => rows.close())
  const tally = await adoptAll(opened(t, house.file), places, rows)
  assert.deepEqual([tally.taken, tally.refused.length], [1, 2], tally.refused.join('\n'))
  assert.match(tally.refused.join('\n'), /a\/1: it cannot be read [\s\S]*b\/1: it cannot be copied/)
  assert.deepEqual(readdirSync(path.join(places.to, 'c/1')), ['notes.md'])
})

test('import - chats: one that has begun here between the look and the end stays as it is', async (t) => {
  const house = oldHouse(t)
  const cwd = house.addChat('default', '7')
  house.addRecord(cwd, MAIN, [{ user: 'Hello' }], 60)
  const { home } = surroundings(t).settings
  const rows = openSessionRows(home, root)
  atEnd(t, () => rows.close())
  const places = placesOf(house, realpathSync(tempDir(t)))
  const { tally, adoptions } = await lookForChats(opened(t, house.file), places, rows)
  const ready = await copyChats(adoptions, places.claude_to, tally)
  for (const { session } of ready) rows.add({ ...session, conversation_id: BESIDE })
  adoptChats(ready, rows, tally)
  discardCopies(ready)
  assert.deepEqual([tally.taken, tally.known], [0, 1])
  assert.deepEqual(readdirSync(path.join(places.to, 'default')), [])
})

test('import - chats whose folders the CLI cannot tell apart: the second begins anew', async (t) => {
  const house = oldHouse(t)
  for (const bot of ['a_b', 'a.b'])
    house.addRecord(house.addChat(bot, '1'), bot === 'a_b' ? MAIN : BESIDE, [{ user: 'Hello' }], 60)
  const { home } = surroundings(t).settings
  const rows = openSessionRows(home, root)
  atEnd(t, () => rows.close())
  const tally = await adoptAll(opened(t, house.file), placesOf(house, realpathSync(tempDir(t))), rows)
  assert.deepEqual([tally.taken, tally.refused.length], [1, 1])
})

/** Both steps. */
const takeArchives = async (from: string, to: string): Promise<Tally> =>
  importArchives(from, to, await copyArchives(from, to), false)

test('import - archives: copied whole, told by the index, and once; a torn index hides none', async (t) => {
  const house = oldHouse(t)
  const to = path.join(tempDir(t), 'archives')
  for (const uuid of [MAIN, BESIDE]) {
    mkdirSync(path.join(house.archives, uuid, '.harness'), { recursive: true })
    writeFileSync(path.join(house.archives, uuid, '.harness', 'tasks.json'), '{}')
  }
  mkdirSync(path.join(house.archives, 'no archive'))
  symlinkSync('/etc', path.join(house.archives, '33333333-3333-4333-8333-333333333333'))
  const line = { uuid: MAIN, project_name: 'boat', status: 'complete' }
  writeFileSync(path.join(house.archives, 'index.json'), JSON.stringify([line]))
  const before = house.sums()
  assert.deepEqual(importArchives(house.archives, to, new Map(), true).found, 2)
  assert.ok(!existsSync(to))
  const tally = await takeArchives(house.archives, to)
  assert.deepEqual([tally.taken, tally.review.length], [2, 1])
  assert.deepEqual((await takeArchives(house.archives, to)).known, 2)
  const lines = JSON.parse(readFileSync(path.join(to, 'index.json'), 'utf8')) as { uuid: string }[]
  assert.deepEqual(
    lines.find(({ uuid }) => uuid === MAIN),
    line,
  )
  assert.equal(lines.length, 2)
  assert.deepEqual(readdirSync(to).sort(), [MAIN, BESIDE, 'index.json'].sort())
  assert.deepEqual(house.sums(), before)
  writeFileSync(path.join(house.archives, 'index.json'), '[{"uuid": "1')
  const third = path.join(tempDir(t), 'archives')
  assert.equal((await takeArchives(house.archives, third)).taken, 2)
  assert.deepEqual((await takeArchives(path.join(house.folder, 'none'), third)).found, 0)
})

test('import - by the command, into a Switchboard that runs: all of it, and once; then back to a backup, then gone without a trace', async (t) => {
  const old = oldHouse(t)
  furnish(old)
  const cwd = old.addChat('default', '7')
  writeFileSync(path.join(cwd, 'notes.md'), 'mine')
  old.addRecord(cwd, MAIN, [{ user: 'Hello' }, { assistant: 'Hi there' }], 3_600)
  old.addRecord(cwd, BESIDE, [{ user: 'something else' }], 5)
  writeFileSync(path.join(old.folder, '.env'), `GATEWAY_SESSION_DIR=${old.chats}\nCRON_KEEP_DAYS=30\n`)
  const before = old.sums()
  const house = await openHouse(t)
  const call = ['import', old.folder, '--claude', old.claude, '--archives', old.archives]
  const dry = await house.run([...call, '--dry-run'])
  assert.equal(dry.code, 0, dry.output)
  assert.match(dry.output, /^messages: 3 found, 3 can be taken over$/m)
  const tooEarly = await house.run(call)
  assert.equal(tooEarly.code, 1)
  assert.match(tooEarly.output, /Switchboard is not running.*npm start/)

  assert.equal((await house.run(['up'])).code, 0)
  assert.equal((await house.run(['backup'])).code, 0)
  const done = await house.run(call)
  assert.equal(done.code, 0, done.output)
  for (const line of [
    'settings: 2 found, 1 taken over, 0 here already, 1 refused',
    'messages: 3 found, 3 taken over, 0 here already, 0 refused',
    'memories: 2 found, 2 taken over, 0 here already, 0 refused',
    'jobs: 3 found, 2 taken over, 0 here already, 1 refused',
    'chats: 1 found, 1 taken over, 0 here already, 0 refused',
  ])
    assert.ok(done.output.includes(line), `${line}\n${done.output}`)
  assert.deepEqual(
    (await house.history('7')).map(({ content }) => content),
    ['Hello', 'Hi there', ''],
  )
  const ask = async (route: string): Promise<unknown> => await (await fetch(`${house.url}${route}`)).json()
  const memories = (await ask('/api/memory')) as { key: string }[]
  assert.deepEqual(memories.map(({ key }) => key).sort(), ['coffee', 'tea'])
  const jobs = (await ask('/api/cron')) as { name: string; cron_expression: string; enabled: number }[]
  assert.deepEqual(jobs.map(({ name, cron_expression, enabled }) => [name, cron_expression, enabled]).sort(), [
    ['asleep', '*/5 * * * *', 0],
    ['paper', '0 9 * * mon', 1],
  ])
  assert.equal(await house.send('{{say="on"}} go on', '7'), 'on')
  const records = path.join(house.home, 'demo', 'projects')
  const [project = ''] = readdirSync(records)
  assert.deepEqual(readdirSync(path.join(records, project)), [`${MAIN}.jsonl`], 'the same conversation went on')
  assert.match(readFileSync(path.join(records, project, `${MAIN}.jsonl`), 'utf8'), /Hi there[\s\S]*go on/)

  const { pid } = house.listed('sessions')
  const again = await house.run(call)
  assert.equal(again.code, 0, again.output)
  assert.match(again.output, /^messages: 3 found, 0 taken over, 3 here already/m)
  assert.match(again.output, /^jobs: 3 found, 0 taken over, 2 here already/m)
  assert.match(again.output, /^chats: 1 found, 0 taken over, 1 here already/m)
  assert.equal(house.listed('sessions').pid, pid, 'where nothing is new nobody is stopped')
  await eventually(async () => (await house.history('7')).length === 5)
  assert.deepEqual(old.sums(), before)

  const [backup = ''] = readdirSync(path.join(house.home, 'backups'))
  assert.equal((await house.run(['down'])).code, 0)
  await eventually(() => house.agents().length === 0)
  const restored = await house.run(['restore', backup])
  assert.equal(restored.code, 0, restored.output)
  assert.equal((await house.run(['up'])).code, 0)
  assert.deepEqual([await house.history('7'), await ask('/api/memory'), await ask('/api/cron')], [[], [], []])

  // An agent in the middle of an answer, and a job that runs.
  const cut = house.send('{{tokens=10000 delay_ms=20}} go', '8').catch(() => 'cut')
  await eventually(() => house.journal().some(({ text }) => text.includes('tokens=10000')))
  const post = async (route: string, body: object) =>
    (await (
      await fetch(`${house.url}${route}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      })
    ).json()) as { id: number }
  const started = path.join(old.folder, 'started')
  const command = `touch '${started}'; sleep 300`
  const { id } = await post('/api/cron', { name: 'long', cron_expression: '0 0 1 1 *', command })
  const run = post(`/api/cron/${id}/run`, {}).catch(() => 'cut')
  await eventually(() => existsSync(started))
  const chats = path.join(house.home, '../chats')
  assert.deepEqual(readdirSync(path.join(chats, 'default')), ['7', '8'])

  const gone = await house.run(['uninstall', '--yes', '--chats'])
  assert.equal(gone.code, 0, gone.output)
  assert.match(gone.output, /stays what is none of the chats that this Switchboard knows: default\/7\n.*Switchboard is gone/)
  await Promise.all([cut, run])
  assert.deepEqual(livingIn(path.dirname(house.home)), [])
  assert.ok(!existsSync(house.home))
  // The restored databases do not know the chat that came after the backup: its files are not ours to delete.
  assert.deepEqual(readdirSync(chats, { recursive: true }), ['default', 'default/7', 'default/7/notes.md'])
  rmSync(started)
  assert.deepEqual(old.sums(), before)
})
