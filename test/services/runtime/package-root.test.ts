import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { packageRoot } from '../../../services/runtime/package-root.ts'
import { tempDir } from '../../harness.ts'

test('package root - is the same from source and from compiled code', (t) => {
  const root = tempDir(t)
  writeFileSync(path.join(root, 'package.json'), '{}')
  for (const folder of ['services/runtime', 'dist/services/runtime', '.']) {
    mkdirSync(path.join(root, folder), { recursive: true })
    assert.equal(packageRoot(pathToFileURL(path.join(root, folder, 'x.js')).href), root)
  }
  assert.throws(() => packageRoot('file:///x.js'), /no package\.json/)
  assert.ok(existsSync(path.join(packageRoot(import.meta.url), 'protocol', 'contract.ts')))
})
