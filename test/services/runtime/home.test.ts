import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { openHome } from '../../../services/runtime/home.ts'
import { tempDir } from '../../harness.ts'

const modeOf = (file: string): number => statSync(file).mode & 0o777

test('home - makes every folder for its owner alone, and again changes nothing', (t) => {
  const before = process.umask()
  t.after(() => process.umask(before))
  const root = path.join(tempDir(t), 'deep', 'home')
  const home = openHome(root)
  assert.deepEqual(Object.keys(home).sort(), ['agents', 'backups', 'db', 'logs', 'outbox', 'reports', 'root', 'run'])
  for (const folder of Object.values(home)) assert.equal(modeOf(folder), 0o700, folder)
  assert.deepEqual(openHome(root), home)
  writeFileSync(path.join(home.run, 'file'), '')
  assert.equal(modeOf(path.join(home.run, 'file')), 0o600)
})

test('home - closes a folder that others could look into', (t) => {
  const before = process.umask()
  t.after(() => process.umask(before))
  const root = tempDir(t)
  mkdirSync(path.join(root, 'run'))
  for (const folder of [root, path.join(root, 'run')]) chmodSync(folder, 0o755)
  const home = openHome(root)
  assert.deepEqual([modeOf(home.root), modeOf(home.run)], [0o700, 0o700])
})

test('home - a link to a disk for the backups is left as it is, also while that disk is away', (t) => {
  const before = process.umask()
  t.after(() => process.umask(before))
  const root = path.join(tempDir(t), 'home')
  const disk = path.join(tempDir(t), 'disk')
  mkdirSync(root)
  symlinkSync(disk, path.join(root, 'backups'))
  assert.equal(modeOf(openHome(root).run), 0o700)
  assert.ok(!existsSync(disk))
  mkdirSync(disk)
  chmodSync(disk, 0o755)
  openHome(root)
  assert.equal(modeOf(disk), 0o755)
})
