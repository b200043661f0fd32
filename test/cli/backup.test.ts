/** Backups: made beside the work of the services, looked through, let go of, put back; and what of that is refused. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { inOrder } from '../../cli/backup/copies.ts'
import { faultsOf, fromTheFuture } from '../../cli/backup/inspection.ts'
import { isRestoreUnfinished } from '../../cli/backup/journal.ts'
import { makeBackup } from '../../cli/backup/making.ts'
import { type Manifest, writeManifest } from '../../cli/backup/manifest.ts'
import { rehearse } from '../../cli/backup/rehearsal.ts'
import { finishRestore, restore, restoreTo } from '../../cli/backup/restoring.ts'
import { agedBackups, type Backup, findBackup, listBackups, nameOf, rotate } from '../../cli/backup/shelf.ts'
import type { Settings } from '../../cli/settings.ts'
import { createClient } from '../../protocol/client.ts'
import { openLink } from '../../protocol/wire/link.ts'
import { openHome } from '../../services/runtime/home.ts'
import { takeLock } from '../../services/runtime/lock.ts'
import { closeDatabase, openCopy, openDatabase, openForReading } from '../../services/runtime/sqlite.ts'
import { atEnd, checkLeaks, eventually, type Scope, startModule } from '../harness.ts'
import { root, surroundings } from './doctored.ts'
import { openHouse } from './house.ts'

checkLeaks()

const DAY_MS = 86_400_000

const openOf = (settings: Settings, service: string) =>
  openDatabase({
    path: path.join(settings.home, 'db', `${service}.db`),
    migrations_dir: path.join(root, 'services', service, 'migrations'),
    synchronous: 'NORMAL',
  })

const addMemory = (settings: Settings, ...keys: string[]): void => {
  const database = openOf(settings, 'memory')
  const insert = database.prepare(
    `INSERT INTO memories (bot_id, key, content, category, created_at, updated_at, digest) VALUES ('default', ?, ?, 'general', 0, 0, x'00')`,
  )
  database.transaction(() => keys.map((key) => insert.run(key, 'y'.repeat(500))))()
  closeDatabase(database)
}

const keysIn = (file: string): string[] => {
  const database = openForReading(file)
  try {
    return (database.prepare('SELECT key FROM memories ORDER BY id').all() as { key: string }[]).map(({ key }) => key)
  } finally {
    database.close()
  }
}

/** A home with a memory in it, and nothing that runs. */
const furnished = (t: Scope): Settings => {
  const { settings } = surroundings(t)
  addMemory(settings, 'first')
  return settings
}

const memoryFile = ({ home }: Settings): string => path.join(home, 'db', 'memory.db')

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

test('backup - by the owner while it works: all that was acknowledged before is in it, and it is one moment', async (t) => {
  const { settings } = surroundings(t)
  const service = startModule(t, 'services/history/main.ts', { SWITCHBOARD_HOME: settings.home })
  await eventually(() => service.messages.includes('ready'))
  const link = openLink({ run_dir: settings.run_dir, service: 'history' })
  atEnd(t, () => link.close())
  const history = createClient('history', link.call)
  const post = async (n: number) =>
    await history.post_message({ session_id: 's', role: 'user', content: `${n} ${'padding '.repeat(2_000)}` })
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

const damage: Readonly<Record<string, readonly [(backup: Backup) => void, RegExp]>> = {
  'a bit that flipped': [
    ({ folder }) => {
      const file = path.join(folder, 'db/memory.db')
      const bytes = readFileSync(file)
      bytes[5_000] = (bytes[5_000] ?? 0) ^ 1
      writeFileSync(file, bytes)
    },
    /is not as it was made/,
  ],
  'a file that was cut': [({ folder }) => truncateSync(path.join(folder, 'db/memory.db'), 4_096), /has 4096 bytes instead of/],
  'a file that is gone': [({ folder }) => renameSync(path.join(folder, 'db/memory.db'), path.join(folder, 'away')), /is missing/],
}
for (const [what, [spoil, said]] of Object.entries(damage)) {
  test(`backup - verify sees ${what}, and restore refuses it with nothing changed`, async (t) => {
    const settings = furnished(t)
    const backup = await makeBackup(settings)
    addMemory(settings, 'second')
    spoil(backup)
    assert.match((await faultsOf(backup)).join('\n'), said)
    await assert.rejects(restore(settings, backup), /is damaged, and nothing was changed/)
    assert.deepEqual(keysIn(memoryFile(settings)), ['first', 'second'])
    assert.ok(!existsSync(path.join(settings.home, 'replaced')))
  })
}

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

test('restore - puts it back, keeps what was there aside with the agents, and the owner opens it', async (t) => {
  const settings = furnished(t)
  const backup = await makeBackup(settings)
  addMemory(settings, 'second')
  mkdirSync(path.join(settings.home, 'agents', '7'))
  const replaced = await restore(settings, backup)
  assert.deepEqual(keysIn(memoryFile(settings)), ['first'])
  assert.deepEqual(keysIn(path.join(replaced, 'db/memory.db')), ['first', 'second'])
  assert.deepEqual(readdirSync(path.join(settings.home, 'agents')), [])
  assert.deepEqual(readdirSync(path.join(replaced, 'agents')), ['7'])
  assert.ok(!isRestoreUnfinished(settings.home))
  addMemory(settings, 'third')
  assert.deepEqual(keysIn(memoryFile(settings)), ['first', 'third'])
})

test('restore - refuses while any service runs', async (t) => {
  const settings = furnished(t)
  const backup = await makeBackup(settings)
  for (const name of ['edge', 'history', 'memory']) {
    const lock = await takeLock({ run_dir: settings.run_dir, name, wait_ms: 0 })
    await assert.rejects(restore(settings, backup), /Switchboard is running/)
    lock.release()
  }
  await restore(settings, backup)
})

test('restore - refuses while an agent is at work', async (t) => {
  const settings = furnished(t)
  const backup = await makeBackup(settings)
  mkdirSync(path.join(settings.home, 'agents', '7'))
  writeFileSync(path.join(settings.home, 'agents', '7', 'pid'), String(process.pid))
  await assert.rejects(restore(settings, backup), /agents are still at work/)
})

test('restore - a backup from the future is refused with advice', async (t) => {
  const settings = furnished(t)
  const made = await makeBackup(settings)
  const files = made.manifest.files.map((file) => ({ ...file, schema_version: 99 }))
  const backup = { ...made, manifest: { ...made.manifest, switchboard: '9.9.9', files } }
  assert.equal(fromTheFuture(backup, root).length, 1)
  await assert.rejects(restore(settings, backup), /newer Switchboard \(9\.9\.9\).*Install that version/)
  assert.deepEqual(fromTheFuture(made, root), [])
})

/** The state after so many of the moves of a swap, as a kill leaves it. */
const cutOff = async (settings: Settings, backup: Backup, moves: number): Promise<string> => {
  const { home } = settings
  const replaced = path.join(home, 'replaced', 'then')
  await restoreTo(backup, path.join(home, 'restore.partial'), root)
  writeFileSync(path.join(home, 'restore.json'), JSON.stringify({ backup: backup.name, replaced, names: ['db'] }))
  mkdirSync(replaced, { recursive: true })
  const all = [
    ['agents', path.join(replaced, 'agents')],
    ['db', path.join(replaced, 'db')],
    ['restore.partial/db', path.join(home, 'db')],
  ] as const
  for (const [from, to] of all.slice(0, moves)) renameSync(path.join(home, from), to)
  return replaced
}
for (const moves of [0, 1, 2, 3]) {
  for (const isLookedAt of [false, true]) {
    test(`restore - cut off after ${moves} moves${isLookedAt ? ', folders made anew meanwhile' : ''}: finished, nothing lost`, async (t) => {
      const settings = furnished(t)
      const backup = await makeBackup(settings)
      addMemory(settings, 'second')
      mkdirSync(path.join(settings.home, 'agents', '7'))
      const replaced = await cutOff(settings, backup, moves)
      if (isLookedAt) openHome(settings.home)
      assert.ok(isRestoreUnfinished(settings.home))
      assert.equal(finishRestore(settings.home), replaced)
      assert.deepEqual(keysIn(memoryFile(settings)), ['first'])
      assert.deepEqual(keysIn(path.join(replaced, 'db/memory.db')), ['first', 'second'])
      assert.deepEqual(readdirSync(path.join(replaced, 'agents')), ['7'])
      assert.deepEqual(readdirSync(path.join(settings.home, 'agents')), [])
      assert.equal(finishRestore(settings.home), null)
      assert.ok(!existsSync(path.join(settings.home, 'restore.partial')))
    })
  }
}

test('restore - databases that were begun in the gap are kept, too', async (t) => {
  const settings = furnished(t)
  const backup = await makeBackup(settings)
  const replaced = await cutOff(settings, backup, 2)
  mkdirSync(path.join(settings.home, 'db'))
  addMemory(settings, 'in the gap')
  finishRestore(settings.home)
  assert.deepEqual(keysIn(memoryFile(settings)), ['first'])
  assert.deepEqual(keysIn(path.join(replaced, 'db-since/memory.db')), ['in the gap'])
})

test('restore - into a new folder, and never over something', async (t) => {
  const settings = furnished(t)
  const backup = await makeBackup(settings)
  const folder = path.join(settings.home, 'elsewhere')
  await restoreTo(backup, folder, root)
  assert.deepEqual(keysIn(path.join(folder, 'db/memory.db')), ['first'])
  await assert.rejects(restoreTo(backup, folder, root), /is not empty/)
})

test('rotation - keeps the newest always, at most so many, and none that is too old', () => {
  const now = Date.UTC(2026, 10, 23)
  const ages = fc.array(fc.integer({ min: 0, max: 400 * DAY_MS }), { minLength: 1, maxLength: 40 })
  const limits = fc.record({ keep: fc.integer({ min: 1, max: 20 }), keep_days: fc.integer({ min: 1, max: 365 }) })
  fc.assert(
    fc.property(ages, limits, (given, { keep, keep_days }) => {
      const backups = given.map((age, index) => ({
        name: String(index),
        folder: '',
        manifest: { format: 1 as const, switchboard: '', made_at: now - age, files: [] },
      }))
      const gone = new Set(agedBackups(backups, { keep, keep_days, now }))
      const kept = backups.filter((backup) => !gone.has(backup))
      const newest = Math.max(...backups.map(({ manifest }) => manifest.made_at))
      assert.ok(kept.some(({ manifest }) => manifest.made_at === newest))
      assert.ok(kept.length <= keep)
      const young = backups.filter(({ manifest }) => manifest.made_at >= now - keep_days * DAY_MS)
      assert.ok(kept.length >= Math.min(keep, young.length))
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
  const gone = rotate(settings.home, { keep: 14, keep_days: 90, now })
  assert.deepEqual(gone.sort(), [old.name, `${nameOf(now)}.partial`].sort())
  assert.deepEqual(readdirSync(path.join(settings.home, 'backups')).sort(), [recent.name, 'my own'].sort())
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

test('backup - by the command, while everything runs and under load; then back to it', async (t) => {
  const house = await openHouse(t)
  assert.equal((await house.run(['up'])).code, 0)
  assert.equal(await house.send('{{say="kept"}} one'), 'kept')
  await eventually(async () => (await house.history()).length === 2)
  const slow = house.send('{{tokens=100 delay_ms=20 label=slow}} two', 'other')
  await eventually(() => house.journal().length === 2)
  const made = await house.run(['backup'])
  assert.equal(made.code, 0, made.output)
  assert.match(made.output, /sound \(.*sessions, history, memory/)
  assert.match(await slow, /^slow t0/)
  assert.equal(await house.send('{{say="gone"}} three'), 'gone')
  const refused = await house.run(['restore', path.basename(made.output.split(':')[0] ?? '')])
  assert.equal(refused.code, 1)
  assert.match(refused.output, /is running\. Stop it first: npm stop/)

  assert.equal((await house.run(['down'])).code, 0)
  await eventually(() => house.agents().length === 0)
  const listed = await house.run(['verify', '--all'])
  assert.equal(listed.code, 0, listed.output)
  const [name = ''] = readdirSync(path.join(house.home, 'backups'))
  assert.match(listed.output, new RegExp(`^${name} .* sound$`, 'm'))
  const restored = await house.run(['restore', name])
  assert.equal(restored.code, 0, restored.output)
  assert.equal((await house.run(['up'])).code, 0)
  const kept = await house.history()
  assert.deepEqual(
    kept.map(({ content }) => content),
    ['{{say="kept"}} one', 'kept'],
  )
  assert.equal(await house.send('{{say="on"}} four'), 'on')
  // What was on its way when the backup was made is told of as interrupted: its agent went with what was replaced.
  const other = await eventually(async () => {
    const messages = await house.history('other')
    return messages.length === 2 ? messages : null
  })
  assert.match(other[1]?.content ?? '', /interrupted.*not sent a second time/)
  assert.equal(house.journal().filter(({ text }) => text.includes('slow')).length, 1, 'the model saw it once')
})

test('backup - up refuses to start in the middle of a restore', async (t) => {
  const house = await openHouse(t)
  mkdirSync(house.home, { recursive: true })
  writeFileSync(path.join(house.home, 'restore.json'), '{}')
  const { code, output } = await house.run(['up'])
  assert.equal(code, 1)
  assert.match(output, /restore --finish/)
  assert.deepEqual(house.jlist(), [])
})
