/** What follows a command's name: understood in both spellings, or refused with nothing done. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { readArguments, UsageError } from '../../cli/arguments.ts'
import { makeBackup } from '../../cli/backup/making.ts'
import type { Context } from '../../cli/command.ts'
import { commands } from '../../cli/commands.ts'
import { restore } from '../../cli/restore.ts'
import { verify } from '../../cli/verify.ts'
import { checkLeaks } from '../harness.ts'
import { furnished, keysIn, memoryFile } from './furnished.ts'
import { openHouse } from './house.ts'

checkLeaks()

const contextOf = (args: readonly string[], settings: object = { root: '/nowhere' }): Context =>
  ({ args, settings, pm2: { list: async () => [] }, print: () => undefined }) as unknown as Context

/** These hand over what they are given to a program, which judges it. */
const HANDING_ON = ['logs', 'test', 'crash', 'soak', 'security', 'bench']

test('arguments - every command refuses an option that it does not know, before it does anything', async () => {
  const reading = Object.entries(commands).filter(([name, { usage }]) => usage !== undefined && !HANDING_ON.includes(name))
  assert.ok(reading.length >= 9)
  for (const [name, command] of reading)
    for (const args of [['--nonsense'], ['--nonsense=1'], ['-x'], ['schedule', '--nonsense'], ['install', 'a', 'b']])
      await assert.rejects(async () => await command.run(contextOf(args)), UsageError, `${name} ${args.join(' ')}`)
})

test('arguments - one that takes none says so too, with how it is called and exit code 2', async (t) => {
  const house = await openHouse(t)
  for (const [args, usage] of [
    [['down', '--dry-run'], /^Usage: npx switchboard down$/m],
    [['verify', '--al'], /^Usage: npx switchboard verify \[backup \| --all\]$/m],
  ] as const) {
    const { code, output } = await house.run(args)
    assert.equal(code, 2, output)
    assert.match(output, usage)
    assert.doesNotMatch(output, /is not running|no backup/)
  }
})

test('arguments - a value may stand behind a space or an equals sign; one that is missing or empty is refused', () => {
  const read = (...args: string[]) => readArguments(args, { to: { type: 'string' }, all: { type: 'boolean' } }, 1)
  for (const args of [
    ['--to', 'x', 'name'],
    ['name', '--to=x'],
  ])
    assert.deepEqual([read(...args).values.to, read(...args).words], ['x', ['name']])
  for (const args of [['--to'], ['--to='], ['--to', ''], ['--to', '--all'], ['--all=yes'], ['a', 'b']])
    assert.throws(() => read(...args), UsageError, args.join(' '))
})

test('restore - --to=FOLDER is a folder beside, and never the place of what is there', async (t) => {
  const settings = furnished(t)
  const { name } = await makeBackup(settings)
  const target = path.join(settings.home, '..', 'beside')
  assert.equal(await restore.run(contextOf([name, `--to=${target}`], settings)), 0)
  assert.deepEqual(keysIn(path.join(target, 'db/memory.db')), keysIn(memoryFile(settings)))
  assert.ok(!existsSync(path.join(settings.home, 'replaced')), 'nothing was replaced')
  await assert.rejects(async () => await restore.run(contextOf([name, '--finish'], settings)), UsageError)
})

test('verify - a backup or all of them, not both', async (t) => {
  const settings = furnished(t)
  const { name } = await makeBackup(settings)
  assert.equal(await verify.run(contextOf(['--all'], settings)), 0)
  await assert.rejects(async () => await verify.run(contextOf([name, '--all'], settings)), UsageError)
})
