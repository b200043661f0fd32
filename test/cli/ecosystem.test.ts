/** What PM2 is told agrees with the contract, the settings and the life of a process. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { env, SERVICES } from '../../cli/settings.ts'
import { contract } from '../../protocol/contract.ts'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { SHUTDOWN_DEADLINE_MS } from '../../services/runtime/run.ts'

const root = packageRoot(import.meta.url)
const config = pathToFileURL(path.join(root, 'ecosystem.config.js')).href

interface App {
  readonly name: string
  readonly namespace: string
  readonly script: string
  readonly kill_timeout: number
  readonly max_memory_restart: string
  readonly wait_ready: boolean
  readonly out_file: string
}

/** The file as PM2's own program would read it with this environment. */
const read = (variables: Record<string, string> = {}): App[] => {
  const print = `process.stdout.write(JSON.stringify((await import(${JSON.stringify(config)})).apps))`
  const { PATH = '' } = process.env
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', print], {
    env: { PATH, HOME: '/nobody', ...variables },
    encoding: 'utf8',
  })
  return JSON.parse(stdout) as App[]
}

test('ecosystem - runs the edge and every service of the contract, and the command knows the same', () => {
  const names = read().map(({ name }) => name)
  assert.deepEqual(names.sort(), ['edge', ...Object.keys(contract)].sort())
  assert.deepEqual(names, [...SERVICES].sort())
})

test('ecosystem - every script has a source', () => {
  for (const { script } of read()) {
    const source = path.relative(path.join(root, 'dist'), script).replace(/\.js$/, '.ts')
    assert.ok(existsSync(path.join(root, source)), source)
  }
})

test("ecosystem - PM2's patience is longer than what a service takes to leave", () => {
  for (const { name, kill_timeout, wait_ready } of read()) {
    assert.ok(kill_timeout > SHUTDOWN_DEADLINE_MS, name)
    assert.ok(wait_ready, name)
  }
})

test('ecosystem - memory limits are the defaults of the settings, and each can be set', () => {
  for (const { name, max_memory_restart } of read()) {
    const variable = `${name.toUpperCase()}_MAX_MEMORY` as keyof typeof env.shape
    assert.equal(max_memory_restart, env.shape[variable].parse(undefined), name)
    const changed = read({ [variable]: '123M' })
    assert.deepEqual(
      changed.filter((app) => app.max_memory_restart === '123M').map((app) => app.name),
      [name],
    )
  }
})

test('ecosystem - logs lie in SWITCHBOARD_HOME, by default in the home folder', () => {
  for (const { name, out_file } of read()) assert.equal(out_file, `/nobody/.switchboard/logs/${name}.log`)
  for (const { name, out_file } of read({ SWITCHBOARD_HOME: '/elsewhere' })) assert.equal(out_file, `/elsewhere/logs/${name}.log`)
})
