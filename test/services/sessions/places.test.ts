import assert from 'node:assert/strict'
import { existsSync, rmSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { makePlace, newSession, takeBase } from '../../../services/sessions/places.ts'
import { checkLeaks, tempDir } from '../../harness.ts'

checkLeaks()

test('places - a base has one owner, and goes on with it', (t) => {
  const base = path.join(tempDir(t), 'chats')
  takeBase(base, '/srv/a')
  takeBase(base, '/srv/a')
  assert.throws(() => takeBase(base, '/srv/b'), { code: 'conflict', message: /belongs to the Switchboard in \/srv\/a/ })
})

test('places - with a copy of its databases another installation knows the chats, and does not work in their folders', (t) => {
  const base = takeBase(path.join(tempDir(t), 'chats'), '/srv/a')
  const { cwd } = newSession(base, 'default', '1', 0, () => false)
  assert.throws(() => makePlace(cwd, '/srv/b'), /belongs to the Switchboard in \/srv\/a, .*two writers/)
  assert.ok(!existsSync(cwd))
  makePlace(cwd, '/srv/a')
  assert.ok(existsSync(cwd))
  // A base that nobody owns any more (its owner was uninstalled) is anybody's.
  rmSync(path.join(base, '.switchboard-owner'))
  makePlace(cwd, '/srv/b')
})
