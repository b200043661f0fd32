/** The steps before anything runs, in a small checkout of their own with our compiler. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { atEnd, tempDir } from '../harness.ts'

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

test('setup - nothing is compiled for another Node.js under services that run; in a path that a URL reads otherwise', async (t) => {
  const folder = path.join(tempDir(t), 'a%20b #c')
  const put = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    writeFileSync(path.join(folder, file), text)
  }
  for (const file of [
    'cli/setup.mjs',
    'cli/switchboard.mjs',
    'tsconfig.json',
    'dist/cli/service/beginning.js',
    'dist/cli/shell-word.js',
  ]) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    cpSync(path.join(root, file), path.join(folder, file))
  }
  put('package.json', '{"type": "module"}')
  put('package-lock.json', '{}')
  put('node_modules/better-sqlite3/index.js', "throw new Error('compiled against a different Node.js version')")
  put('dist/cli/settings.js', `export const readSettings = () => ({ pm2_home: ${JSON.stringify(folder)} })`)
  put('dist/cli/main.js', "export const main = async () => console.log('it was called')")
  put('pm2.pid', String(process.pid))
  put('npm', '#!/bin/sh\necho npm was called\nexit 1\n')
  chmodSync(path.join(folder, 'npm'), 0o755)
  const call = async (name: string) => {
    const env = { PATH: `${folder}:/usr/bin:/bin`, HOME: folder }
    const child = spawn(process.execPath, [path.join(folder, 'cli/switchboard.mjs'), name], { env })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    const [code] = (await once(child, 'close')) as [number]
    return { code, output }
  }
  const daemon = createServer((socket) => socket.end()).listen(path.join(folder, 'rpc.sock'))
  await once(daemon, 'listening')
  atEnd(t, () => void daemon.close())
  const refused = await call('up')
  assert.equal(refused.code, 1)
  assert.match(refused.output, /^Switchboard runs with another Node\.js than this one/)
  assert.match(refused.output, new RegExp(`npm stop.*the one that runs it \\(process ${process.pid}\\)`))
  assert.deepEqual(await call('status'), { code: 0, output: 'it was called\n' })
  await new Promise((resolve) => daemon.close(resolve))
  assert.match((await call('up')).output, /npm was called/, 'where nothing runs it is')
  put('dist/cli/settings.js', "import 'a-package-that-is-not-there'")
  assert.match((await call('up')).output, /npm was called/, 'where an installation was cut off, too')
})
