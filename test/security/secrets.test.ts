/** Secrets planted in all settings of a whole Switchboard that works and fails for a while: they are in no place that is not named. */
import assert from 'node:assert/strict'
import { existsSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkLeaks } from '../harness.ts'
import { textOf } from '../source-tree.ts'
import { createSearch, type Leak, makeCanary } from './canaries.ts'
import { driveEverything } from './drive.ts'
import { openPlanted, SECRET_SETTINGS } from './planted.ts'

checkLeaks()

/** Places where a secret may be, and why. */
const ALLOWED: readonly { readonly canary: RegExp; readonly place: RegExp; readonly why: string }[] = [
  { canary: /^BOT_/, place: /^file tokens\/[0-9a-f]{24}$/, why: 'kept for deliveries, 0600, outside of any database' },
  {
    canary: /^WEBHOOK$/,
    place: /^file (backups\/[^/]+\/)?db\/scheduler\.db(-wal)?$/,
    why: 'the address that a job has to call is part of the job',
  },
  {
    canary: /^WEBHOOK$/,
    place: /^reply 20\d ((GET|POST) \/api\/cron(\/\d+)?|ws scheduler\.(list|get)|mcp (list_cron_jobs|get_cron_job))$/,
    why: 'the address, to whoever may read the job',
  },
  {
    canary: /^GATEWAY_TOKEN$/,
    place: /^reply 422 GET \/api\/(tasks|gateway\/turns\/.*)$/,
    why: 'who asks for something that cannot be is shown what they asked for, as the clients of the predecessor know it',
  },
  { canary: /./, place: /^environment of (a program of ours|PM2)$/, why: 'it was started with it' },
  { canary: /^(ANTHROPIC|CLAUDE_CODE)_/, place: /^environment of /, why: 'the CLI reads it, and so may what it starts' },
  {
    canary: /./,
    place: /^environment of (\S*\/)?(timedatectl|fc-list|xelatex|kpsewhich|getconf|sh -c getconf|node --version) ?[\w .:=-]*$/,
    why: 'programs of the system that the doctor and metrics ask something: run by the same user for a moment',
  },
]

const isAllowed = (leak: Leak): boolean => ALLOWED.some(({ canary, place }) => canary.test(leak.canary) && place.test(leak.place))

/** What somebody else than the owner might read, if the folder itself were open; folders that are closed keep what lies in them. */
const openToOthers = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if ((lstatSync(path).mode & 0o077) === 0) return []
    return entry.isDirectory() ? openToOthers(path) : [path]
  })

test('secrets - the search finds a secret in every form, and every secret setting is planted', () => {
  const secret = makeCanary('x')
  const { inText } = createSearch({ x: secret })
  for (const shown of [
    `a ${secret} b`,
    `?q=${encodeURIComponent(secret)}`,
    JSON.stringify({ a: [secret] }),
    `Basic ${btoa(`x:${secret}`)}`,
    `Basic ${btoa(`user:${secret}`)}`,
    btoa(`ab${secret}`),
    Buffer.from(secret).toString('hex'),
  ])
    assert.deepEqual(inText(shown, 'here'), [{ canary: 'x', place: 'here' }], shown)
  assert.deepEqual(inText(secret.slice(1), 'here').length + inText(makeCanary('x'), 'here').length, 0)
  const named = [...textOf('.env.example').matchAll(/^# ([A-Z_]*(TOKEN|SECRET|PASSWORD|KEY|SMTP_URL)[A-Z_]*)=/gm)].map(
    ([, name = '']) => name,
  )
  assert.deepEqual(
    named.filter((name) => !SECRET_SETTINGS.includes(name)),
    [],
  )
})

test('secrets - after work and errors of all kinds no secret is in a log, a reply, a file or a list of processes', async (t) => {
  const planted = await openPlanted(t)
  const search = createSearch(planted.canaries)
  await driveEverything(planted)
  const leaks = [
    ...planted.replies.flatMap(({ route, status, text }) => search.inText(text, `reply ${status} ${route}`)),
    ...planted.outputs().flatMap(({ name, text }) => search.inText(text, `output of ${name}`)),
    ...search.inFolder(planted.folder, planted.home),
    ...search.inFolder(planted.temporary),
    ...planted.seenOfProcesses(),
  ]
  assert.deepEqual(
    leaks.filter((leak) => !isAllowed(leak)),
    [],
  )
  assert.ok(planted.replies.length > 200, `${planted.replies.length} replies`)
  assert.ok(planted.outputs().every(({ text }) => text.length > 0))
  // What is allowed is there: else the search would have looked in the wrong places.
  for (const place of [/^file tokens\//, /^reply 200 GET /, /^reply 200 ws /, /^reply 200 mcp /])
    assert.ok(
      leaks.some((leak) => place.test(leak.place)),
      `nothing was found in ${place}`,
    )
  assert.deepEqual(openToOthers(planted.folder), [], 'open to other users of the machine')
  if (existsSync('/proc')) assert.ok(leaks.some(({ place }) => place === 'environment of an agent'))
})
