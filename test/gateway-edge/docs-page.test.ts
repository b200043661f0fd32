import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { docsHeaders, renderDocs } from '../../gateway-edge/http/docs.ts'
import { createOpenApi } from '../../gateway-edge/http/openapi.ts'
import { checkLeaks } from '../harness.ts'
import { describedBy } from './described.ts'
import { openHouse } from './house.ts'

checkLeaks()

const VOID = new Set(['meta', 'link', 'br', 'wbr', 'hr', 'img', 'input'])

interface Tag {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
}

/** The tags of a page in order; fails where they are not well nested or a sign stands bare. */
const tagsOf = (page: string): readonly Tag[] => {
  const tags: Tag[] = []
  const open: string[] = []
  const text = page.replace(/<style>[^<]*<\/style>/g, '').replace('<!doctype html>', '')
  const rest = text.replace(
    /<(\/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*"| open)*)>/g,
    (_all, slash, name: string, words: string) => {
      const attributes = Object.fromEntries([...words.matchAll(/ ([a-z-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]))
      if (slash === '/') assert.equal(open.pop(), name)
      else tags.push({ name, attributes })
      if (slash === '' && !VOID.has(name)) open.push(name)
      return ''
    },
  )
  assert.deepEqual(open, [])
  assert.doesNotMatch(rest, /[<>]/)
  assert.doesNotMatch(rest, /&(?!(amp|lt|gt|quot|#39);)/)
  return tags
}

const decode = (text: string): string =>
  text.replace(
    /&(amp|lt|gt|quot|#39);/g,
    (all) => ({ '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" })[all] ?? all,
  )

/** The commands of a page, as a shell takes them apart: `curl` is a function here that tells its arguments. */
const commandsOf = (page: string): string[][] =>
  [...page.matchAll(/<pre><code>([^<]*)<\/code><\/pre>/g)].map(([, text = '']) =>
    execFileSync('sh', ['-c', `curl() { printf '%s\\0' "$@"; }\n${decode(text)}`], { encoding: 'utf8', env: {} })
      .split('\0')
      .slice(0, -1),
  )

test('docs page - loads nothing, runs nothing, and its policy says so', async (t) => {
  const { status, headers, text } = await (await openHouse(t)).get('/docs')
  assert.equal(status, 200)
  assert.equal(headers.get('content-type'), 'text/html; charset=utf-8')
  assert.equal(headers.get('x-content-type-options'), 'nosniff')
  const policy = headers.get('content-security-policy') ?? ''
  const [, style = ''] = /<style>([^<]*)<\/style>/.exec(text) ?? []
  assert.ok(style.length > 1_000)
  const hash = createHash('sha256').update(style).digest('base64')
  assert.deepEqual(policy.split('; '), [
    "default-src 'none'",
    `style-src 'sha256-${hash}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ])
  assert.doesNotMatch(style, /url\(|@import|expression/)
  for (const { name, attributes } of tagsOf(text)) {
    assert.ok(!['script', 'link', 'img', 'iframe', 'object', 'form', 'base'].includes(name), name)
    for (const [key, value] of Object.entries(attributes)) {
      assert.doesNotMatch(key, /^(on|src|style)/)
      if (key === 'href') assert.match(value, /^(#[\w-]+|\/openapi\.json)$/)
    }
  }
})

test('docs page - shows every route and every code, and each link in it leads somewhere', async (t) => {
  const house = await openHouse(t)
  const { document, operations } = await describedBy(house)
  const page = (await house.get('/docs')).text
  const tags = tagsOf(page)
  const ids = tags.flatMap(({ attributes: { id } }) => id ?? [])
  assert.equal(new Set(ids).size, ids.length)
  for (const { attributes } of tags)
    if (attributes.href?.startsWith('#')) assert.ok(ids.includes(attributes.href.slice(1)), attributes.href)
  for (const [route, { operationId }] of operations) {
    const [verb = '', path = ''] = route.split(' ')
    assert.ok(ids.includes(operationId), route)
    assert.ok(page.includes(`<span class="verb ${verb.toLowerCase()}">${verb}</span> <code>${path}</code>`), route)
  }
  for (const { name } of document.tags) assert.ok(ids.includes(`tag-${name}`))
  for (const response of Object.values(document.components.responses))
    for (const { code } of response['x-errors'] ?? []) assert.ok(page.includes(`<code>${code}</code>`), code)
})

test('docs page - its commands work as they stand there', async (t) => {
  const house = await openHouse(t, { onTurn: (turn) => turn.end('x') })
  // As sessions records what the first command sends.
  await house.post('/api/chat/messages', { session_id: 'gw-default-1', role: 'user', content: 'Hello' })
  const { operations } = await describedBy(house)
  const commands = commandsOf((await house.get('/docs')).text)
  assert.equal(commands.length, operations.length)
  for (const words of commands) {
    const url = words.find((word) => word.startsWith('http')) ?? ''
    const body = words[words.indexOf('-d') + 1]
    assert.ok(url.startsWith(`${house.url}/`), url)
    const path = url.slice(house.url.length)
    const method = words.includes('-X') ? words[words.indexOf('-X') + 1] : words.includes('-d') ? 'POST' : 'GET'
    const sent = words.includes('-d') ? { body, headers: { 'content-type': 'application/json' } } : {}
    const answer = await fetch(house.url + path, { method, ...sent } as RequestInit)
    const { status } = answer
    const text = await answer.text()
    // The turn, the task and the delivery of the examples, and a token to log in with, are not there.
    const expected = /\/(turns|tasks|deliveries)\/|\/login$/.test(path) ? [404] : [200, 201]
    assert.ok(expected.includes(status), `${words.join(' ')}: ${status} ${text.slice(0, 200)}`)
  }
  assert.deepEqual(
    house.sessions.turns.map(({ message }) => message),
    ['Hello', 'Hello'],
  )
})

test('docs page - whatever a description holds stays text, in the page and in a shell', () => {
  const nasty = `</style><script>x</script>"' onx='1' \`<b>\` & $STYLE $(false) \\`
  const document = createOpenApi({ version: nasty, description: nasty })
  const schema = {
    type: 'object',
    properties: { [nasty]: { type: 'string', description: nasty, examples: [nasty] } },
    required: [nasty],
  }
  const hostile = {
    ...document,
    tags: [{ name: 'edge', description: nasty }],
    paths: {
      '/x/{name}': {
        post: {
          operationId: 'x',
          summary: nasty,
          description: nasty,
          tags: ['edge'],
          parameters: [{ name: 'name', in: 'path' as const, required: true, description: nasty, schema: { const: nasty } }],
          requestBody: { required: true, content: { 'application/json': { schema } } },
          responses: { 200: { description: nasty, content: { [nasty]: { schema: { enum: [nasty], default: nasty } } } } },
        },
      },
    },
  }
  const page = renderDocs(hostile, `http://${nasty}`)
  const names = new Set(tagsOf(page).map(({ name }) => name))
  assert.ok(!names.has('script') && !names.has('b'))
  assert.equal(page.split('<style>').length, 2)
  const [words = []] = commandsOf(page)
  assert.deepEqual(JSON.parse(words[words.indexOf('-d') + 1] ?? ''), { [nasty]: nasty })
  assert.ok(words.includes(`http://${nasty}/x/${encodeURIComponent(nasty)}`))
  assert.ok(docsHeaders()['content-security-policy'])
})
