/** Putting a backup back: what was there is kept aside, a kill in the middle loses nothing, and what is refused changes nothing. */
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { faultsOf, fromTheFuture } from '../../cli/backup/inspection.ts'
import { isRestoreUnfinished } from '../../cli/backup/journal.ts'
import { makeBackup } from '../../cli/backup/making.ts'
import { finishRestore, restore, restoreTo } from '../../cli/backup/restoring.ts'
import type { Backup } from '../../cli/backup/shelf.ts'
import type { Settings } from '../../cli/settings.ts'
import { openHome } from '../../services/runtime/home.ts'
import { takeLock } from '../../services/runtime/lock.ts'
import { checkLeaks, eventually, tempDir } from '../harness.ts'
import { root } from './doctored.ts'
import { addMemory, furnished, keysIn, memoryFile } from './furnished.ts'
import { openHouse } from './house.ts'
import { startAgent } from './sleeper.ts'

checkLeaks()

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
  startAgent(t, path.join(settings.home, 'agents', '7'))
  await assert.rejects(restore(settings, backup), /are still at work/)
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

test('backup - nothing begins in the middle of a restore, by whatever way, and each says the same', async (t) => {
  const house = await openHouse(t)
  mkdirSync(house.home, { recursive: true })
  writeFileSync(path.join(house.home, 'restore.json'), '{}')
  const user_home = tempDir(t)
  for (const args of [['up'], ['service', 'install'], ['service', 'start'], ['service', 'environment']]) {
    const { code, output } = await house.run(args, { HOME: user_home })
    assert.equal(code, 1, args.join(' '))
    assert.equal(output, 'A restore was cut off in the middle. Finish it first: npx switchboard restore --finish\n')
  }
  assert.deepEqual(readdirSync(user_home), [], 'no unit was written')
  assert.deepEqual(house.jlist(), [])
})
