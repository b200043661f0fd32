/** Backups: made beside the work of the services, looked through, let go of, put back; and what of that is refused. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { Database } from 'better-sqlite3'
import { inOrder } from '../../cli/backup/copies.ts'
import { faultsOf } from '../../cli/backup/inspection.ts'
import { makeBackup } from '../../cli/backup/making.ts'
import { type Manifest, writeManifest } from '../../cli/backup/manifest.ts'
import { rehearse } from '../../cli/backup/rehearsal.ts'
import { agedBackups, findBackup, listBackups, nameOf, newestOf, readShelf, rotate } from '../../cli/backup/shelf.ts'
import { createClient } from '../../protocol/client.ts'
import { rowOf, SERVICE_NAMES, table } from '../../protocol/contract.ts'
import { openLink } from '../../protocol/wire/link.ts'
import { copyDatabase } from '../../services/runtime/backup.ts'
import { openHome } from '../../services/runtime/home.ts'
import { takeLock } from '../../services/runtime/lock.ts'
import { closeDatabase, openCopy, openForReading } from '../../services/runtime/sqlite.ts'
import { atEnd, checkLeaks, eventually, ready, startModule, tempDir } from '../harness.ts'
import fc from '../property.ts'
import { root, surroundings } from './doctored.ts'
import { addMemory, furnished, keysIn, memoryFile, openOf } from './furnished.ts'
import { openHouse } from './house.ts'

checkLeaks()

const DAY_MS = 86_400_000

test('backup - made directly while nothing runs: whole, sound, told by its manifest, and the source stays as it is', async (t) => {
  const settings = furnished(t)
  writeFileSync(path.join(settings.home, 'global-memory.md'), 'Be kind.\n')
  const before = readFileSync(memoryFile(settings))
  const { manifest, folder } = await makeBackup(settings)
  assert.deepEqual(manifest.files.map(({ file }) => file).sort(), ['db/memory.db', 'global-memory.md'])
  assert.deepEqual(keysIn(path.join(folder, 'db/memory.db')), ['first'])
  assert.deepEqual(await faultsOf(findBackup(settings.home, folder)), [])
  assert.ok(readFileSync(memoryFile(settings)).equals(before))
  assert.deepEqual(readdirSync(folder).sort(), ['db', 'global-memory.md', 'manifest.json'])
  assert.deepEqual(readdirSync(path.join(folder, 'db')), ['memory.db'], 'no log lies beside a copy, also after it was looked at')
  assert.equal(statSync(path.join(folder, 'db/memory.db')).mode & 0o077, 0)
})

test('backup - secrets stay where they are', async (t) => {
  const settings = furnished(t)
  writeFileSync(path.join(settings.home, '.env'), 'GATEWAY_TOKEN=planted-planted\n')
  mkdirSync(path.join(settings.home, 'tokens'))
  writeFileSync(path.join(settings.home, 'tokens', 'abc'), 'planted-planted')
  const { folder } = await makeBackup(settings)
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const entry of files) assert.ok(!readFileSync(path.join(entry.parentPath, entry.name)).includes('planted'))
})

test('backup - where there is nothing to back up it says so and leaves nothing', async (t) => {
  const { settings } = surroundings(t)
  await assert.rejects(makeBackup(settings), /nothing to back up/)
  assert.deepEqual(readdirSync(path.join(settings.home, 'backups')), [])
})

test('backup - where the disk is away to which backups lead it says so, and makes none elsewhere', async (t) => {
  const settings = furnished(t)
  const shelf = path.join(settings.home, 'backups')
  const disk = path.join(tempDir(t), 'disk')
  rmSync(shelf, { recursive: true })
  symlinkSync(disk, shelf)
  await assert.rejects(makeBackup(settings), /No backup was made: .*a link to .*disk, leads nowhere\. Attach the disk/)
  mkdirSync(disk)
  const { name } = await makeBackup(settings)
  assert.deepEqual(readdirSync(disk), [name])
})

test('backup - by the owner while it works: all that was acknowledged before is in it, and it is one moment', async (t) => {
  const { settings } = surroundings(t)
  const service = startModule(t, 'services/history/main.ts', { SWITCHBOARD_HOME: settings.home })
  await ready(service)
  const link = openLink({ run_dir: settings.run_dir, service: 'history' })
  atEnd(t, () => link.close())
  const history = createClient('history', link.call)
  const post = (n: number): Promise<{ id: number }> =>
    history.post_message({ session_id: 's', role: 'user', content: `${n} ${'padding '.repeat(2_000)}` })
  for (let n = 1; n <= 50; n += 1) await post(n)

  let stop = false
  let written = 50
  const writing = (async () => {
    while (!stop) {
      written += 1
      await post(written)
    }
  })()
  const backup = await makeBackup(settings)
  stop = true
  await writing
  assert.ok(written > 51, 'it was written to meanwhile')
  assert.deepEqual(await faultsOf(backup), [])
  const database = openForReading(path.join(backup.folder, 'db/history.db'))
  const rows = database.prepare('SELECT content FROM messages ORDER BY id').all() as { content: string }[]
  database.close()
  assert.ok(rows.length >= 50 && rows.length <= written)
  for (const [index, { content }] of rows.entries()) assert.equal(Number.parseInt(content, 10), index + 1)
})

test('backup - the owner is killed in the middle of it: the command copies the file itself', async (t) => {
  const { settings } = surroundings(t)
  const database = openOf(settings, 'history')
  const insert = database.prepare(
    "INSERT INTO messages (session_id, role, content, source, created_at, bot_id) VALUES ('s', 'user', ?, 'api', 0, 'default')",
  )
  database.transaction(() => Array.from({ length: 100 }, () => insert.run('z'.repeat(1_000_000))))()
  closeDatabase(database)
  const service = startModule(t, 'services/history/main.ts', { SWITCHBOARD_HOME: settings.home })
  await ready(service)
  const now = Date.now()
  const made = makeBackup(settings, now)
  const half = path.join(settings.home, 'backups', `${nameOf(now)}.partial`, 'history.db')
  await eventually(() => existsSync(half), { every_ms: 1 })
  service.process.kill('SIGKILL')
  const { folder, manifest } = await made
  assert.deepEqual(
    manifest.files.map(({ service: owner }) => owner),
    ['history'],
  )
  const copy = openForReading(path.join(folder, 'db/history.db'))
  assert.deepEqual(copy.prepare('SELECT count(*) AS n FROM messages').get(), { n: 100 })
  copy.close()
})

test('backup - every service answers it to us, and no surface shows it', () => {
  for (const service of SERVICE_NAMES) assert.equal(rowOf(`${service}.backup`)?.service, service)
  assert.deepEqual(
    table.filter(({ verb }) => verb === 'backup'),
    [],
  )
})

test('backup - senders are copied before receivers', () => {
  const order = inOrder()
  for (const [sender, receiver] of [
    ['scheduler', 'sessions'],
    ['sessions', 'history'],
    ['history', 'memory'],
  ] as const)
    assert.ok(order.indexOf(sender) < order.indexOf(receiver), `${sender} before ${receiver}`)
})

test('backup - of a damaged database none is made, and the ones before stay', async (t) => {
  const settings = furnished(t)
  addMemory(settings, ...Array.from({ length: 300 }, (_, n) => `key ${n}`))
  const sound = await makeBackup(settings, Date.now() - 1_000)
  const bytes = readFileSync(memoryFile(settings))
  bytes.fill(0xa5, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 8_192)
  writeFileSync(memoryFile(settings), bytes)
  await assert.rejects(makeBackup(settings), /The database of memory is damaged/)
  assert.deepEqual(readdirSync(path.join(settings.home, 'backups')), [sound.name])
})

test('backup - a damaged manifest is told of by name, and does not hide the others', async (t) => {
  const settings = furnished(t)
  const bad = await makeBackup(settings, Date.now() - 5_000)
  const good = await makeBackup(settings)
  writeFileSync(path.join(bad.folder, 'manifest.json'), '{"format": 1, "fil')
  assert.deepEqual(
    listBackups(settings.home).map(({ name }) => name),
    [good.name],
  )
  assert.throws(() => findBackup(settings.home, bad.name), /is damaged/)
  assert.throws(() => findBackup(settings.home, '2020-01-01T00-00-00-000Z'), /There is no backup/)
})

test('backup - a manifest cannot name files outside of its backup', async (t) => {
  const settings = furnished(t)
  const backup = await makeBackup(settings)
  for (const file of ['../../etc/passwd', '/etc/passwd', 'db/../../x.db', 'db/a/b.db']) {
    const [first] = backup.manifest.files
    const hostile = { ...backup.manifest, files: [{ ...first, file }] } as Manifest
    writeManifest(backup.folder, hostile)
    assert.throws(() => findBackup(settings.home, backup.name), /damaged/, file)
  }
})

test('backup - where the disk has no room for it, it says so before it begins', async (t) => {
  const folder = tempDir(t)
  const vast = { pragma: (name: string) => (name === 'page_count' ? 2 ** 50 : 4_096) } as unknown as Database
  await assert.rejects(copyDatabase(vast, path.join(folder, 'x.db')), { code: 'low_disk' })
  assert.deepEqual(readdirSync(folder), [])
})

test('backup - by the command: one at a time; verify tells the newest, and exits 1 for a damaged one', async (t) => {
  const house = await openHouse(t)
  const settings = { ...surroundings(t).settings, home: openHome(house.home).root }
  const none = await house.run(['verify'])
  assert.deepEqual([none.code, /There is no backup/.test(none.output)], [1, true])
  addMemory(settings, 'first')
  const lock = await takeLock({ run_dir: path.join(house.home, 'run'), name: 'backup', wait_ms: 0 })
  const second = await house.run(['backup'])
  lock.release()
  assert.deepEqual([second.code, /Another instance of backup is running/.test(second.output)], [1, true])
  assert.equal((await house.run(['backup'])).code, 0)
  const sound = await house.run(['verify'])
  assert.deepEqual([sound.code, / sound$/m.test(sound.output)], [0, true])
  const [name = ''] = readdirSync(path.join(house.home, 'backups'))
  writeFileSync(path.join(house.home, 'backups', name, 'db/memory.db'), 'nothing')
  const damaged = await house.run(['verify'])
  assert.deepEqual([damaged.code, /DAMAGED\n {2}db\/memory\.db has 7 bytes instead of/.test(damaged.output)], [1, true])
  const unknown = await house.run(['restore', '2020-01-01T00-00-00-000Z'])
  assert.deepEqual([unknown.code, /There is no backup/.test(unknown.output)], [1, true])
  const choice = await house.run(['restore'])
  assert.deepEqual([choice.code, choice.output.includes(name)], [2, true])
  writeFileSync(path.join(house.home, 'backups', name, 'manifest.json'), '{"format"')
  const unreadable = await house.run(['verify', '--all'])
  assert.equal(unreadable.code, 1)
  assert.match(unreadable.output, new RegExp(`^${name} {2}DAMAGED\\n {2}.*manifest.json is damaged: it is no JSON`, 'm'))
})

test('rotation - keeps the newest always, at most so many and so much, and none that is too old', () => {
  const file = { file: 'db/memory.db', service: null, schema_version: null, bytes: 10, sha256: '', made_at: 0 }
  const now = Date.UTC(2026, 10, 23)
  const ages = fc.array(fc.integer({ min: 0, max: 400 * DAY_MS }), { minLength: 1, maxLength: 40 })
  const limits = fc.record({
    keep: fc.integer({ min: 1, max: 20 }),
    keep_days: fc.integer({ min: 1, max: 365 }),
    keep_bytes: fc.integer({ min: 1, max: 400 }),
  })
  fc.assert(
    fc.property(ages, limits, (given, { keep, keep_days, keep_bytes }) => {
      const backups = given.map((age, index) => ({
        name: String(index),
        folder: '',
        manifest: { format: 1 as const, switchboard: '', made_at: now - age, files: [file] },
      }))
      const gone = new Set(agedBackups(backups, { keep, keep_days, keep_bytes, now }))
      const kept = backups.filter((backup) => !gone.has(backup))
      const newest = Math.max(...backups.map(({ manifest }) => manifest.made_at))
      assert.ok(kept.some(({ manifest }) => manifest.made_at === newest))
      assert.ok(kept.length <= keep)
      const young = backups.filter(({ manifest }) => manifest.made_at >= now - keep_days * DAY_MS)
      assert.ok(kept.length * 10 <= Math.max(keep_bytes, 10))
      assert.ok(kept.length >= Math.min(keep, young.length, Math.floor(keep_bytes / 10)))
      for (const { manifest } of kept) assert.ok(manifest.made_at === newest || manifest.made_at >= now - keep_days * DAY_MS)
    }),
    { numRuns: 200 },
  )
})

test('rotation - removes aged ones and what was left half made, and nothing else', async (t) => {
  const settings = furnished(t)
  const now = Date.now()
  const old = await makeBackup(settings, now - 200 * DAY_MS)
  const recent = await makeBackup(settings, now - 1_000)
  mkdirSync(path.join(settings.home, 'backups', `${nameOf(now)}.partial`))
  mkdirSync(path.join(settings.home, 'backups', 'my own'))
  const gone = rotate(settings.home, { keep: 14, keep_days: 90, keep_bytes: 1e9, now })
  assert.deepEqual(gone.sort(), [old.name, `${nameOf(now)}.partial`].sort())
  assert.deepEqual(readdirSync(path.join(settings.home, 'backups')).sort(), [recent.name, 'my own'].sort())
})

test('rotation - one whose manifest is damaged goes as well when it is old by its name, or enough younger ones are sound', async (t) => {
  const settings = furnished(t)
  const now = Date.now()
  const spoil = async (days: number): Promise<string> => {
    const { name, folder } = await makeBackup(settings, now - days * DAY_MS)
    writeFileSync(path.join(folder, 'manifest.json'), '{"format"')
    return name
  }
  const [aged, behind, between] = [await spoil(200), await spoil(9), await spoil(2)]
  for (const days of [3, 1]) await makeBackup(settings, now - days * DAY_MS)
  const limits = { keep: 3, keep_days: 90, keep_bytes: 1e9, now }
  assert.deepEqual(
    readShelf(settings.home).unreadable.map(({ name }) => name),
    [aged, behind, between],
  )
  assert.deepEqual(rotate(settings.home, limits), [aged])
  assert.deepEqual(rotate(settings.home, { ...limits, keep: 2 }), [behind])
})

test('rotation - those that a wrong clock has dated in the future go first, by their number, and never push out a true one', () => {
  const now = Date.UTC(2026, 10, 23)
  const made = (days: number) => ({
    name: nameOf(now + days * DAY_MS),
    folder: '',
    manifest: { format: 1 as const, switchboard: '', made_at: now + days * DAY_MS, files: [] },
  })
  const [truth, old, soon, late] = [made(0), made(-1), made(5), made(400)]
  const limits = { keep: 3, keep_days: 90, keep_bytes: 1e9, now }
  assert.deepEqual(agedBackups([old, truth, soon, late], limits), [soon])
  assert.deepEqual(agedBackups([soon, late], { ...limits, keep: 1 }), [soon], 'the newest is kept, whatever it is')
  assert.equal(newestOf([old, truth, soon, late], now), truth)
  assert.equal(newestOf([soon, late], now), late)
})

test('backup - what a killed one has left goes when the next begins, also where that fails', async (t) => {
  const settings = furnished(t)
  const shelf = path.join(settings.home, 'backups')
  const leave = (): void => {
    mkdirSync(path.join(shelf, `${nameOf(1)}.partial`, 'db'), { recursive: true })
    writeFileSync(path.join(shelf, `${nameOf(1)}.partial`, 'db', 'memory.db'), 'half')
  }
  leave()
  const { name } = await makeBackup(settings)
  assert.deepEqual(readdirSync(shelf), [name])
  leave()
  writeFileSync(memoryFile(settings), 'no database')
  await assert.rejects(makeBackup(settings))
  assert.deepEqual(readdirSync(shelf), [name])
})

test('upgrade - by the command, where nothing runs: a backup, a rehearsal, and how to go on', async (t) => {
  const house = await openHouse(t)
  const settings = { ...surroundings(t).settings, home: openHome(house.home).root }
  addMemory(settings, 'first')
  const { code, output } = await house.run(['upgrade'])
  assert.equal(code, 0, output)
  assert.match(output, /Backed up to .*\n {2}No database changes its schema\.\nSwitchboard is not running/)
  assert.equal(listBackups(settings.home).length, 1)
  writeFileSync(memoryFile(settings), 'no database')
  const broken = await house.run(['upgrade'])
  assert.equal(broken.code, 1)
  assert.match(broken.output, /Nothing was restarted/)
})

test('upgrade - migrations are rehearsed on a copy: one that works says from where to where, one that fails says why', async (t) => {
  const settings = furnished(t)
  const backup = await makeBackup(settings)
  const folder = path.join(settings.home, 'rehearsal.partial')
  const [same] = await rehearse(backup, folder, root)
  assert.deepEqual(same, { service: 'memory', from: same?.to, to: same?.from })
  assert.ok(!existsSync(folder))

  const checkout = path.join(settings.home, 'checkout')
  const migrations = path.join(checkout, 'services/memory/migrations')
  mkdirSync(migrations, { recursive: true })
  const known = readdirSync(path.join(root, 'services/memory/migrations')).sort()
  for (const name of known)
    writeFileSync(path.join(migrations, name), readFileSync(path.join(root, 'services/memory/migrations', name)))
  const next = `${String(known.length + 1).padStart(3, '0')}-next.sql`
  writeFileSync(path.join(migrations, next), 'ALTER TABLE memories ADD COLUMN mood TEXT;')
  assert.deepEqual(await rehearse(backup, folder, checkout), [{ service: 'memory', from: known.length, to: known.length + 1 }])
  writeFileSync(path.join(migrations, next), 'ALTER TABLE no_such_table ADD COLUMN mood TEXT;')
  await assert.rejects(rehearse(backup, folder, checkout), /no_such_table/)
  assert.ok(!existsSync(folder))
  assert.deepEqual(await faultsOf(backup), [], 'the backup itself is as it was')
  const database = openCopy(memoryFile(settings))
  assert.equal(database.pragma('user_version', { simple: true }), known.length, 'and so is the database')
  database.close()
})
