/** The steps before anything runs, in a small checkout of their own with our compiler. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { tempDir } from '../harness.ts'

const root = packageRoot(import.meta.url)

const openCheckout = (t: TestContext) => {
  const folder = tempDir(t)
  const at = (file: string): string => path.join(folder, file)
  for (const name of ['cli', 'protocol', 'test']) mkdirSync(at(name))
  for (const file of ['cli/setup.mjs', 'package-lock.json', 'package.json', 'tsconfig.json'])
    cpSync(path.join(root, file), at(file))
  symlinkSync(path.join(root, 'node_modules'), at('node_modules'))
  writeFileSync(at('protocol/one.ts'), 'export const one: number = 1\n')
  writeFileSync(at('test/one.test.ts'), "import { one } from '../protocol/one.ts'\nexport const two = one + 1\n")
  const build = () => {
    const call = `import { ensureBuilt } from ${JSON.stringify(at('cli/setup.mjs'))}; ensureBuilt()`
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', call], { encoding: 'utf8' })
    return { ok: status === 0, output: stdout + stderr, compiled: stdout.includes('Compiling') }
  }
  return { at, build }
}

test('setup - compiles once, and again only when a source has changed', (t) => {
  const { at, build } = openCheckout(t)
  assert.deepEqual(build(), { ok: true, output: 'Compiling ...\n', compiled: true })
  assert.ok(existsSync(at('dist/test/one.test.js')))
  assert.deepEqual(build(), { ok: true, output: '', compiled: false })
  writeFileSync(at('protocol/one.ts'), 'export const one: number = 11\n')
  assert.ok(build().compiled)
  assert.match(readFileSync(at('dist/protocol/one.js'), 'utf8'), /11/)
})

test('setup - what was compiled from a deleted source goes, and what was deleted comes back', (t) => {
  const { at, build } = openCheckout(t)
  build()
  rmSync(at('test/one.test.ts'))
  assert.ok(build().compiled)
  assert.ok(!existsSync(at('dist/test/one.test.js')))
  assert.ok(!existsSync(at('dist/test/one.test.js.map')))
  rmSync(at('dist/protocol/one.js'))
  assert.ok(build().compiled)
  assert.ok(existsSync(at('dist/protocol/one.js')))
})

test('setup - other options mean a build from the ground up', (t) => {
  const { at, build } = openCheckout(t)
  build()
  const options = readFileSync(at('tsconfig.json'), 'utf8')
  writeFileSync(at('tsconfig.json'), options.replace('"strict": true', '"strict": true, "removeComments": true'))
  const stamp = new Date(Date.now() + 2_000)
  utimesSync(at('tsconfig.json'), stamp, stamp)
  const before = statSync(at('dist/protocol/one.js')).mtimeMs
  assert.ok(build().compiled)
  assert.ok(statSync(at('dist/protocol/one.js')).mtimeMs > before)
})

test('setup - a type error fails the build every time, until it is mended', (t) => {
  const { at, build } = openCheckout(t)
  writeFileSync(at('protocol/one.ts'), "export const one: number = 'one'\n")
  for (const attempt of [1, 2]) {
    const { ok, output } = build()
    assert.ok(!ok, `attempt ${attempt}`)
    assert.match(output, /TS2322/)
    assert.match(output, /The build failed/)
  }
  writeFileSync(at('protocol/one.ts'), 'export const one: number = 1\n')
  assert.ok(build().ok)
})
