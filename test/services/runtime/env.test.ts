import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { z } from 'zod'
import { BaseEnv, EnvError, EnvFlag, EnvFolder, EnvUrl, envInteger, envNumber, parseEnv } from '../../../services/runtime/env.ts'
import { takeLogin } from '../../../services/runtime/login-url.ts'
import { type Scope, tempDir } from '../../harness.ts'

const Schema = BaseEnv.extend({
  PORT: envInteger(1, 65_535).default(8_000),
  TOKEN: z.string().min(8, 'must have at least 8 characters').optional(),
  MODE: z.enum(['fast', 'slow']).default('fast'),
  SHELL_JOBS: EnvFlag.default(false),
  RATIO: envNumber(0, 1).default(0.5),
  NEEDED: z.string(),
})

const folders = (t: Scope) => {
  const root = tempDir(t)
  const home = path.join(root, 'home')
  mkdirSync(home)
  return { root, home }
}

test('env - defaults hold where nothing is set, and the values are frozen', (t) => {
  const { root } = folders(t)
  const env = parseEnv(Schema, { environment: { NEEDED: 'x', HOME: '/h' }, root })
  assert.deepEqual(env, {
    SWITCHBOARD_HOME: path.join(os.homedir(), '.switchboard'),
    LOG_LEVEL: 'info',
    PORT: 8_000,
    MODE: 'fast',
    SHELL_JOBS: false,
    RATIO: 0.5,
    NEEDED: 'x',
  })
  assert.throws(() => Object.assign(env, { PORT: 1 }), TypeError)
})

test('env - the environment wins over .env of SWITCHBOARD_HOME, and that over .env of the checkout', (t) => {
  const { root, home } = folders(t)
  writeFileSync(
    path.join(root, '.env'),
    `# a comment\nSWITCHBOARD_HOME=${home}\nPORT=1\nMODE=slow\nNEEDED="from the checkout"\nTOKEN=checkout-token\n`,
  )
  writeFileSync(path.join(home, '.env'), 'PORT=2\nMODE=fast\nSWITCHBOARD_HOME=/elsewhere\n')
  const env = parseEnv(Schema, { environment: { PORT: '3', SWITCHBOARD_HOME: home }, root })
  assert.deepEqual(
    [env.PORT, env.MODE, env.NEEDED, env.TOKEN, env.SWITCHBOARD_HOME],
    [3, 'fast', 'from the checkout', 'checkout-token', home],
  )
  assert.equal(parseEnv(Schema, { environment: {}, root }).SWITCHBOARD_HOME, home)
})

test('env - a variable that is set to nothing counts as not set', (t) => {
  const { root } = folders(t)
  writeFileSync(path.join(root, '.env'), 'PORT=7\nTOKEN=\n')
  const env = parseEnv(Schema, { environment: { PORT: '', NEEDED: 'x', MODE: '' }, root })
  assert.deepEqual([env.PORT, env.TOKEN, env.MODE], [7, undefined, 'fast'])
})

test('env - a login in an address that cannot be read is a fault that says how to write it, without the login', (t) => {
  const { root } = folders(t)
  const schema = BaseEnv.extend({ SERVER: EnvUrl })
  const read = (SERVER: string): string => parseEnv(schema, { environment: { SERVER }, root }).SERVER
  for (const login of ['x:hush%', 'x:hush%zz', 'x:hush%ff', 'hush%:x'])
    assert.throws(
      () => read(`http://${login}@box:1/`),
      ({ message }: Error) => /SERVER: .*write it as %25/.test(message) && !message.includes('hush'),
    )
  const { address, headers } = takeLogin(read('http://x:hush%25@box:1/'))
  assert.equal(address, 'http://box:1')
  assert.equal(headers.Authorization, `Basic ${Buffer.from('x:hush%').toString('base64')}`)
  assert.throws(() => read('no address'), /SERVER: must be a URL/)
})

test('env - all faults are told together, each with its name, and no value is repeated', (t) => {
  const { root } = folders(t)
  const environment = { PORT: '70000', TOKEN: 'hush', MODE: 'unheard', SHELL_JOBS: 'perhaps', RATIO: '1e9', LOG_LEVEL: 'loud' }
  assert.throws(
    () => parseEnv(Schema, { environment, root }),
    (error: EnvError) => {
      assert.ok(error instanceof EnvError)
      const problems = Object.fromEntries(error.faults.map(({ name, problem }) => [name, problem]))
      assert.deepEqual(problems, {
        PORT: 'must be a whole number from 1 to 65535',
        TOKEN: 'must have at least 8 characters',
        MODE: 'must be one of fast, slow',
        SHELL_JOBS: 'must be on or off (or 1, true, yes; 0, false, no)',
        RATIO: 'must be a number from 0 to 1',
        NEEDED: 'is needed and is not set',
        LOG_LEVEL: 'must be one of trace, debug, info, warn, error, fatal, silent',
      })
      for (const name of Object.keys(problems)) assert.match(error.message, new RegExp(`${name}: `))
      for (const value of ['70000', 'hush', 'unheard', 'perhaps', '1e9', 'loud']) assert.ok(!error.message.includes(value), value)
      assert.match(error.message, /7 settings are wrong/)
      assert.match(error.message, /\.env/)
      return true
    },
  )
})

test('env - numbers are whole, in bounds and nothing else', () => {
  const port = envInteger(1, 100)
  for (const good of ['1', '100', '+7', '007']) assert.equal(port.parse(good), Number(good))
  for (const bad of ['0', '101', '1.5', '1e1', '0x1', ' 1', '1 ', 'one', '-1', '9'.repeat(400)])
    assert.equal(port.safeParse(bad).success, false, bad)
  for (const [text, value] of [
    ['0.25', 0.25],
    ['.5', 0.5],
    ['1', 1],
  ] as const)
    assert.equal(envNumber(0, 1).parse(text), value)
  for (const bad of ['.', '1.1', 'NaN', 'Infinity', '-0.1']) assert.equal(envNumber(0, 1).safeParse(bad).success, false, bad)
})

test('env - switches and folders', () => {
  for (const yes of ['1', 'true', 'YES', 'on']) assert.equal(EnvFlag.parse(yes), true)
  for (const no of ['0', 'false', 'No', 'off']) assert.equal(EnvFlag.parse(no), false)
  assert.equal(EnvFolder.parse('~'), os.homedir())
  assert.equal(EnvFolder.parse('~/x'), path.join(os.homedir(), 'x'))
  assert.equal(EnvFolder.parse('~x'), path.resolve('~x'))
  assert.equal(EnvFolder.parse('/a/../b'), '/b')
})

test('env - a .env that cannot be read is a fault, and one that is missing is none', (t) => {
  const { root, home } = folders(t)
  mkdirSync(path.join(home, '.env'))
  assert.throws(() => parseEnv(Schema, { environment: { NEEDED: 'x', SWITCHBOARD_HOME: home }, root }), {
    name: 'EnvError',
    message: /cannot be read/,
  })
  assert.equal(parseEnv(Schema, { environment: { NEEDED: 'x', SWITCHBOARD_HOME: path.join(root, 'nowhere') }, root }).NEEDED, 'x')
})
