/** The loss of power as it is played: a real process under the shim, real files, and what is left of them in each way. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import Database from 'better-sqlite3'
import { packageRoot } from '../../../../services/runtime/package-root.ts'
import { checkLeaks, tempDir } from '../../../harness.ts'
import { createRandom } from '../../run/random.ts'
import { Disk, WAYS, type Way } from './disk.ts'
import { compileShim } from './shim.ts'

checkLeaks()

/** A folder that is at rest, and a way to run a program there whose forced writes are known; null where the shim cannot be made. */
const openDisk = (t: TestContext) => {
  const folder = tempDir(t)
  const library = join(folder, 'forced.so')
  const reason = compileShim(library)
  if (reason !== null) {
    t.skip(reason)
    return null
  }
  const [root, store, boot] = [join(folder, 'root'), join(folder, 'store'), join(folder, 'boot-id')]
  mkdirSync(join(root, 'db'), { recursive: true })
  writeFileSync(join(root, 'rest'), 'as it was')
  writeFileSync(boot, 'another boot')
  const disk = new Disk([root], store)
  disk.settle()
  const run = (program: string): string =>
    execFileSync(
      process.execPath,
      ['--input-type=module', '-e', `import fs from 'node:fs'; process.chdir(${JSON.stringify(root)}); ${program}`],
      {
        env: {
          PATH: process.env.PATH,
          LD_PRELOAD: library,
          POWER_ROOTS: root,
          POWER_STORE: store,
          POWER_BOOT_ID: boot,
        },
        encoding: 'utf8',
      },
    )
  const read = (name: string): string | null => (existsSync(join(root, name)) ? readFileSync(join(root, name), 'utf8') : null)
  return { root, run, read, lose: (way: Way, seed = 1) => disk.lose(way, createRandom(seed)), settle: () => disk.settle() }
}

const WRITE = `
const put = (name, text, force) => { const fd = fs.openSync(name, 'a'); fs.writeSync(fd, text); if (force) fs.fdatasyncSync(fd); fs.closeSync(fd) }
const forceFolder = (name) => { const fd = fs.openSync(name, 'r'); fs.fsyncSync(fd); fs.closeSync(fd) }
`

test('power - what was never forced is gone or empty, what was forced is there as it was forced', (t) => {
  for (const way of ['forgetful', 'orderly'] as const) {
    const disk = openDisk(t)
    if (disk === null) return
    disk.run(`${WRITE}
      put('kept', 'forced', true); forceFolder('.'); put('kept', ' and more', false)
      put('nameless', 'forced', true); put('empty', 'never', false); put('rest', ', changed', false)
      fs.mkdirSync('new'); put('new/inner', 'x', true)
    `)
    disk.lose(way)
    assert.equal(disk.read('kept'), 'forced', way)
    assert.equal(disk.read('rest'), 'as it was', way)
    assert.equal(disk.read('nameless'), way === 'forgetful' ? null : 'forced', 'its name was not forced')
    assert.equal(disk.read('empty'), way === 'forgetful' ? null : '', way)
    assert.equal(disk.read('new/inner'), way === 'forgetful' ? null : 'x', way)
  }
})

test('power - renames and removals that were not forced did not happen; the same number of a new file is another file', (t) => {
  const disk = openDisk(t)
  if (disk === null) return
  disk.run(`${WRITE}
    put('a', 'one', true); put('b', 'two', true); forceFolder('.')
    fs.renameSync('a', 'c'); fs.rmSync('b'); put('d', 'three', true)
  `)
  disk.lose('forgetful')
  assert.deepEqual(['a', 'b', 'c', 'd'].map(disk.read), ['one', 'two', null, null])
})

test('power - torn: what was forced is whole, of the rest a part is there', (t) => {
  const disk = openDisk(t)
  if (disk === null) return
  disk.run(`${WRITE} put('log', 'f'.repeat(10_000), true); put('log', 'u'.repeat(10_000), false)`)
  disk.lose('torn', 3)
  const log = disk.read('log') ?? ''
  assert.match(log, /^f{10000}u*$/)
  assert.ok(log.length < 20_000)
})

const UNFORCED = join(packageRoot(import.meta.url), 'dist/test/crash/matrix/power/unforced.js')

test('power - a database keeps what was committed with synchronous=FULL and is whole; with OFF it does not, nor in the build that is broken on purpose', (t) => {
  const BROKEN = `const { forceNothing } = await import(${JSON.stringify(UNFORCED)}); forceNothing()`
  const commit = (synchronous: string, before: string): string => `
    ${before}
    const { default: Database } = await import(${JSON.stringify(import.meta.resolve('better-sqlite3'))})
    const db = new Database('db/x.db'); db.pragma('journal_mode = WAL'); db.pragma('synchronous = ${synchronous}')
    db.exec('CREATE TABLE t (n)'); const add = db.prepare('INSERT INTO t VALUES (?)')
    for (let n = 0; n < 50; n += 1) add.run(n)
    console.log(fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
    process.kill(process.pid, 'SIGKILL')
  `
  const rowsAfter = (synchronous: string, way: Way, seed: number, before = ''): number | null => {
    const disk = openDisk(t)
    if (disk === null) return null
    assert.throws(
      () => disk.run(commit(synchronous, before)),
      (error: { stdout: string }) => error.stdout.includes('another boot'),
    )
    disk.lose(way, seed)
    const path = join(disk.root, 'db', 'x.db')
    if (!existsSync(path)) return 0
    const db = new Database(path)
    try {
      assert.equal(db.pragma('integrity_check', { simple: true }), 'ok', `${synchronous} ${way}`)
      const table = db.prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE name = 't'`).get() as { n: number }
      return table.n === 0 ? 0 : (db.prepare('SELECT count(*) AS n FROM t').get() as { n: number }).n
    } finally {
      db.close()
    }
  }
  for (const way of WAYS) assert.ok([50, null].includes(rowsAfter('FULL', way, 7)), way)
  assert.ok([0, null].includes(rowsAfter('OFF', 'forgetful', 7)), 'nothing was forced')
  assert.ok([0, null].includes(rowsAfter('FULL', 'forgetful', 7, BROKEN)), 'nothing was forced in spite of what was asked for')
})

test('power - the token of a bot is on the disk when it is acknowledged, also the first one, whose folder is new', (t) => {
  const disk = openDisk(t)
  if (disk === null) return
  const module = join(packageRoot(import.meta.url), 'dist/services/sessions/telegram/tokens.js')
  const name = disk.run(`
    const { BotTokens } = await import(${JSON.stringify(module)})
    process.stdout.write(new BotTokens(process.cwd() + '/bots').keep('12345:secret'))
  `)
  disk.lose('forgetful')
  assert.equal(disk.read(join('bots', name)), '12345:secret')
})
