import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  ArchiveEntry,
  type ArchiveOrder,
  archiveHarness,
  forgetArchives,
  removeHarness,
} from '../../../../services/sessions/harness/archive.ts'
import { checkLeaks, eventually, type Scope, startModule, tempDir } from '../../../harness.ts'
import { makePlaces, toTasks, writeHarness } from './project.ts'

checkLeaks()

const NOW = Date.UTC(2026, 10, 22, 17, 48, 16, 520)
const CHILD = 'test/services/sessions/harness/archiver.ts'

const prepare = (t: Scope) => {
  const places = makePlaces(t)
  const archives = path.join(tempDir(t), 'archives')
  const archive = (given: Partial<ArchiveOrder> = {}) =>
    archiveHarness({ cwd: places.cwd, archives_dir: archives, bot_id: 'bot', chat_id: '1', now: NOW, ...given })
  const index = (): unknown[] => JSON.parse(readFileSync(path.join(archives, 'index.json'), 'utf8'))
  const copyOf = (uuid: string | undefined, ...names: string[]): string => path.join(archives, uuid ?? '', '.harness', ...names)
  return { ...places, archives, archive, index, copyOf }
}

/** Every folder is whole and in the index, once, and the index names nothing else. */
const assertSound = (archives: string): void => {
  const lines = ArchiveEntry.array().parse(JSON.parse(readFileSync(path.join(archives, 'index.json'), 'utf8')))
  const folders = readdirSync(archives).filter((name) => name !== 'index.json')
  assert.deepEqual(lines.map(({ uuid }) => uuid).sort(), folders.sort())
  for (const { uuid } of lines) {
    const { entry } = JSON.parse(readFileSync(path.join(archives, uuid, 'entry.json'), 'utf8'))
    assert.deepEqual(
      entry,
      lines.find((line) => line.uuid === uuid),
    )
    assert.match(readFileSync(path.join(archives, uuid, '.harness', 'progress.md'), 'utf8'), /^round \d+ of \d+$/)
  }
}

test('archive - a copy, and a line of the shape that clients know', (t) => {
  const { cwd, archive, index, copyOf } = prepare(t)
  const file = writeHarness(cwd, toTasks(['done', 'done', 'blocked']))
  mkdirSync(path.join(cwd, '.harness', 'notes', 'empty'), { recursive: true })
  writeFileSync(path.join(cwd, '.harness', 'notes', 'a b.md'), Buffer.from([0, 255, 10]))
  const entry = archive()
  assert.deepEqual(entry, {
    uuid: entry?.uuid,
    project_name: 'demo',
    chat_id: '1',
    bot_id: 'bot',
    original_cwd: cwd,
    archived_at: '2026-11-22T17:48:16.520+00:00',
    status: 'incomplete',
    tasks_done: 2,
    tasks_total: 3,
    tasks_blocked: 1,
  })
  assert.match(entry?.uuid ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.deepEqual(index(), [entry])
  assert.equal(readFileSync(copyOf(entry?.uuid, 'tasks.json'), 'utf8'), readFileSync(file, 'utf8'))
  assert.deepEqual(readFileSync(copyOf(entry?.uuid, 'notes', 'a b.md')), Buffer.from([0, 255, 10]))
  assert.ok(existsSync(copyOf(entry?.uuid, 'notes', 'empty')))
  assert.ok(existsSync(file))
})

test('archive - complete, incomplete or unknown', (t) => {
  const { cwd, archive } = prepare(t)
  const statuses: [string, string][] = [
    [toTasks(['done']), 'complete'],
    [toTasks(['pending']), 'incomplete'],
    [toTasks([]), 'incomplete'],
    ['{', 'unknown'],
  ]
  for (const [text, status] of statuses) {
    writeHarness(cwd, text)
    assert.equal(archive()?.status, status, text)
  }
})

test('archive - without a harness folder there is nothing to archive', (t) => {
  const { cwd, outside, archives, archive } = prepare(t)
  assert.equal(archive(), null)
  assert.equal(archive({ cwd: path.join(cwd, 'gone') }), null)
  writeHarness(outside, toTasks(['done']))
  writeFileSync(path.join(cwd, '.harness_project_dir'), outside)
  assert.equal(archive(), null)
  symlinkSync(path.join(outside, '.harness'), path.join(cwd, '.harness'))
  assert.equal(archive(), null)
  assert.deepEqual(readdirSync(archives), [])
})

test('archive - links and FIFOs in it are left out, and nothing behind them is read', (t) => {
  const { cwd, outside, archive, copyOf } = prepare(t)
  writeHarness(cwd, toTasks(['done']))
  writeFileSync(path.join(outside, 'secret'), 'a secret')
  const inside = path.join(cwd, '.harness')
  symlinkSync(path.join(outside, 'secret'), path.join(inside, 'file'))
  symlinkSync(outside, path.join(inside, 'folder'))
  symlinkSync('..', path.join(inside, 'circle'))
  execFileSync('mkfifo', [path.join(inside, 'fifo')])
  const entry = archive()
  assert.deepEqual(readdirSync(copyOf(entry?.uuid)), ['tasks.json'])
  removeHarness(cwd)
  assert.equal(readFileSync(path.join(outside, 'secret'), 'utf8'), 'a secret')
})

test('archive - what is no plan any more is refused, and leaves nothing', (t) => {
  const { cwd, archives, archive } = prepare(t)
  const big = writeHarness(cwd, '', 'big')
  truncateSync(big, 64 * 1024 * 1024 + 1)
  assert.throws(() => archive(), { code: 'too_large' })
  truncateSync(big, 0)
  mkdirSync(path.join(cwd, '.harness', ...Array.from({ length: 40 }, () => 'd')), { recursive: true })
  assert.throws(() => archive(), { code: 'too_large' })
  removeHarness(cwd)
  for (let number = 0; number < 2_001; number += 1) writeHarness(cwd, '', `f${number}`)
  assert.throws(() => archive(), { code: 'too_large' })
  assert.deepEqual(readdirSync(archives), [])
  assert.ok(existsSync(path.join(cwd, '.harness', 'f0')))
})

test('archive - the same content of the same folder is kept once', (t) => {
  const { cwd, other, archive, index } = prepare(t)
  writeHarness(cwd, toTasks(['done']))
  const first = archive()
  assert.deepEqual(archive({ now: NOW + 1_000 }), first)
  writeHarness(cwd, 'more', 'progress.md')
  assert.notEqual(archive()?.uuid, first?.uuid)
  writeHarness(other, toTasks(['done']))
  assert.notEqual(archive({ cwd: other, chat_id: '2' })?.uuid, first?.uuid)
  assert.equal(index().length, 3)
})

test("archive - the predecessor's lines stay, and a torn index is put aside", (t) => {
  const { cwd, archives, archive, index } = prepare(t)
  const old = { uuid: 'x', chat_id: 'bg-1', more: { of: ['it'] } }
  mkdirSync(archives)
  writeFileSync(path.join(archives, 'index.json'), JSON.stringify([old, 7]))
  writeHarness(cwd, toTasks(['done']))
  const first = archive()
  assert.deepEqual(index(), [old, 7, first])
  writeFileSync(path.join(archives, 'index.json'), '[{"uuid": "x", "chat')
  writeHarness(cwd, toTasks(['done', 'done']))
  const second = archive()
  assert.deepEqual(index(), [first, second])
  const [aside = ''] = readdirSync(archives).filter((name) => name.endsWith('.unreadable'))
  assert.equal(readFileSync(path.join(archives, aside), 'utf8'), '[{"uuid": "x", "chat')
})

test('archive - killed between the copy and the index: the next call takes it in, and does not copy twice', async (t) => {
  const { cwd, archives, archive, index } = prepare(t)
  const child = startModule(t, CHILD, {}, [cwd, archives, 'stop'])
  await eventually(() => child.messages.includes('copied'))
  child.process.kill('SIGKILL')
  await child.exit
  assert.equal(existsSync(path.join(archives, 'index.json')), false)
  const [uuid] = readdirSync(archives)
  const entry = archive()
  assert.equal(entry?.uuid, uuid)
  assert.deepEqual(index(), [entry])
  assertSound(archives)
})

test('archive - killed anywhere, again and again: every copy is whole and in the index once, none that was told is missing', async (t) => {
  const { cwd, archives, archive } = prepare(t)
  const told = new Set<unknown>()
  for (let life = 0; life < 8; life += 1) {
    const child = startModule(t, CHILD, {}, [cwd, archives])
    await eventually(() => child.messages.length > 2)
    // Not for order: anywhere in a round, which takes some milliseconds.
    await sleep(life * 1.7)
    child.process.kill('SIGKILL')
    await child.exit
    for (const message of child.messages) if (message !== 'copied') told.add(message)
  }
  writeHarness(cwd, 'round 0 of 0', 'progress.md')
  archive()
  assertSound(archives)
  for (const uuid of told) assert.ok(existsSync(path.join(archives, String(uuid))), `${uuid} was told and is not there`)
})

test('archive - removing deletes the folder, of a link the link, and of nothing nothing', (t) => {
  const { cwd, other, outside } = prepare(t)
  removeHarness(cwd)
  writeHarness(cwd, toTasks(['done']))
  removeHarness(cwd)
  assert.equal(existsSync(path.join(cwd, '.harness')), false)
  const file = writeHarness(outside, toTasks(['done']))
  symlinkSync(path.join(outside, '.harness'), path.join(other, '.harness'))
  removeHarness(other)
  assert.equal(lstatSync(path.join(other, '.harness'), { throwIfNoEntry: false }), undefined)
  assert.ok(existsSync(file))
})

test('archive - those that are old go, folder and line, some at a time; lines of unknown age and strangers stay', (t) => {
  const { cwd, archives, archive, index } = prepare(t)
  writeHarness(cwd, toTasks(['done']))
  const old = archive({ now: NOW - 1 })
  writeHarness(cwd, toTasks(['done', 'done']))
  const young = archive({ now: NOW })
  const strange = [
    { uuid: '../outside', archived_at: '2001-01-01T00:00:00Z' },
    { uuid: 'x', chat_id: 'bg-1' },
  ]
  writeFileSync(path.join(archives, 'index.json'), JSON.stringify([...index(), ...strange]))
  writeFileSync(path.join(archives, '..', 'outside'), 'kept')
  assert.equal(forgetArchives(archives, NOW), 1)
  assert.ok(!existsSync(path.join(archives, old?.uuid ?? '')))
  assert.ok(existsSync(path.join(archives, young?.uuid ?? '')))
  assert.ok(existsSync(path.join(archives, '..', 'outside')))
  assert.deepEqual(index(), [young, ...strange])
  assert.equal(forgetArchives(archives, NOW), 0)
  assert.equal(forgetArchives(path.join(archives, 'none'), NOW), 0)

  // Cut off after the folder: its line is found again. Cut off never leaves a folder without a line.
  const lines = index()
  const gone = { ...young, archived_at: '2001-01-01T00:00:00.000+00:00', uuid: '00000000-0000-4000-8000-000000000000' }
  writeFileSync(path.join(archives, 'index.json'), JSON.stringify([gone, ...lines]))
  assert.equal(forgetArchives(archives, NOW), 1)
  assert.deepEqual(index(), lines)
})
