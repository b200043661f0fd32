/** Renewing the token, with a `vercel` on the PATH that notes how it was called. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { refreshToken } from '../../cli/refresh-vercel-token.ts'
import { checkLeaks, tempDir } from '../harness.ts'

checkLeaks()

const NOW = Date.UTC(2026, 10, 22, 12)
const HOUR_S = 3_600

/**
 * A machine with a login of the Vercel command line.
 * @param left_s seconds until the token expires; null: it says nothing of that
 * @param whoami what `vercel whoami` does; null: there is no `vercel`
 */
const openMachine = (t: TestContext, left_s: number | null, whoami: string | null, linked = true) => {
  const home = tempDir(t)
  const at = (...names: string[]): string => path.join(home, ...names)
  const auth = at('.local/share/com.vercel.cli/auth.json')
  for (const folder of ['.local/share/com.vercel.cli', 'bin', 'dashboard/.vercel']) mkdirSync(at(folder), { recursive: true })
  const login = (token: string, left: number | null) =>
    JSON.stringify({ token, ...(left === null ? {} : { expiresAt: NOW / 1_000 + left, refreshToken: 'r' }) })
  writeFileSync(auth, login('old-token-of-the-cli', left_s))
  writeFileSync(at('renewed.json'), login('new-token-of-the-cli', 12 * HOUR_S))
  if (linked) writeFileSync(at('dashboard/.vercel/project.json'), '{}')
  if (whoami !== null) {
    const script = `#!/bin/sh
case "$1" in
  whoami) echo "whoami in $(pwd)" >> "$HOME/calls"; ${whoami} ;;
  env) echo "$* < $(cat)" >> "$HOME/calls"; test ! -e "$HOME/refuse" || { echo "Error: new-token-of-the-cli refused" >&2; exit 1; } ;;
  *) echo "$*" >> "$HOME/calls" ;;
esac
`
    writeFileSync(at('bin/vercel'), script)
    chmodSync(at('bin/vercel'), 0o755)
  }
  const lines: string[] = []
  const run = async (...args: string[]) => {
    lines.length = 0
    const environment = { HOME: home, PATH: `${at('bin')}:/usr/bin:/bin` }
    const code = await refreshToken({
      args,
      environment,
      folder: at('dashboard'),
      now: NOW,
      print: (line) => void lines.push(line),
    })
    return { code, said: lines.join('\n') }
  }
  const calls = (): string[] => {
    try {
      return readFileSync(at('calls'), 'utf8').trim().split('\n')
    } catch {
      return []
    }
  }
  return { run, calls, at }
}

const RENEW = 'cp "$HOME/renewed.json" "$HOME/.local/share/com.vercel.cli/auth.json"'

test('vercel token - one that lives long is left alone', async (t) => {
  const { run, calls } = openMachine(t, 5 * HOUR_S, RENEW)
  const { code, said } = await run()
  assert.equal(code, 0)
  assert.match(said, /expires in 5 h \(2026-11-22T17:00:00.000Z\)/)
  assert.deepEqual(calls(), [])
})

for (const [name, left_s, words] of [
  ['is about to expire', HOUR_S, /expires in 60 min/],
  ['has expired', -60, /has expired/],
] as const) {
  test(`vercel token - one that ${name} is renewed and given to the project on standard input`, async (t) => {
    const { run, calls, at } = openMachine(t, left_s, RENEW)
    const { code, said } = await run()
    assert.equal(code, 0, said)
    assert.match(said, words)
    assert.match(said, /It was renewed, expires in 12 h, and is in the settings of the project/)
    assert.match(said, /next deployment: cd .*dashboard && vercel deploy --prebuilt --prod/)
    assert.ok(!said.includes('token-of-the-cli'))
    assert.deepEqual(calls(), [
      `whoami in ${at('dashboard')}`,
      'env add VERCEL_API_TOKEN production --force < new-token-of-the-cli',
      'env add VERCEL_API_TOKEN development --force < new-token-of-the-cli',
    ])
  })
}

test('vercel token - is deployed only where that is asked for', async (t) => {
  const { run, calls } = openMachine(t, HOUR_S, RENEW)
  assert.equal((await run('--deploy')).code, 0)
  assert.equal(calls().at(-1), 'deploy --prebuilt --prod')
})

test('vercel token - a check only warns', async (t) => {
  const { run, calls } = openMachine(t, HOUR_S, RENEW)
  assert.equal((await run('--check')).code, 1)
  assert.deepEqual(calls(), [])
  assert.equal((await openMachine(t, 5 * HOUR_S, RENEW).run('--check')).code, 0)
})

test('vercel token - what stands in the way is said, with what to do', async (t) => {
  const cases = [
    [openMachine(t, HOUR_S, null), /no vercel on the PATH.*npm install -g vercel/],
    [openMachine(t, HOUR_S, 'exit 1'), /could not be renewed. Log in anew/],
    [openMachine(t, HOUR_S, 'true'), /could not be renewed. Log in anew/],
    [openMachine(t, HOUR_S, RENEW, false), /linked to no Vercel project.*vercel link/],
  ] as const
  for (const [machine, words] of cases) {
    const { code, said } = await machine.run()
    assert.equal(code, 1)
    assert.match(said, words)
  }
  const refused = openMachine(t, HOUR_S, RENEW)
  writeFileSync(refused.at('refuse'), '')
  const { code, said } = await refused.run()
  assert.equal(code, 1)
  assert.match(said, /did not take the token for production: Error: \[redacted\] refused/)
})

test('vercel token - no login, a broken one, and one without an end', async (t) => {
  const machine = openMachine(t, null, RENEW)
  assert.equal((await machine.run()).code, 0)
  writeFileSync(machine.at('.local/share/com.vercel.cli/auth.json'), '{"token":')
  const { code, said } = await machine.run()
  assert.equal(code, 1)
  assert.match(said, /not logged in here .*auth\.json.*vercel login/)
})
