import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chainPrompt, decomposePrompt } from '../../../../services/sessions/harness/chain-prompts.ts'
import { findMarker, type Marker, withoutMarkers } from '../../../../services/sessions/harness/markers.ts'
import fc from '../../../property.ts'

const COMPLETE = '[HARNESS_COMPLETE]'
const BATCH = '[HARNESS_BATCH_DONE:build:1/4]'
const BLOCKED = '[HARNESS_BLOCKED:t3:need a key]'

const complete: Marker = { kind: 'complete' }
const batchDone = (phase: string, done: number, total: number): Marker => ({ kind: 'batch_done', phase, done, total })
const blocked = (task_id: string, reason: string): Marker => ({ kind: 'blocked', task_id, reason })

test('markers - each is read, with what it says', () => {
  const table: [string, Marker][] = [
    [COMPLETE, complete],
    [BATCH, batchDone('build', 1, 4)],
    ['[HARNESS_BATCH_DONE: qa : 12 / 30 ]', batchDone('qa', 12, 30)],
    ['[HARNESS_BATCH_DONE:a:b:c:1/2]', batchDone('a:b:c', 1, 2)],
    [BLOCKED, blocked('t3', 'need a key')],
    ['[HARNESS_BLOCKED:t3:which one: [a] or [b]?]', blocked('t3', 'which one: [a] or [b]?')],
    ['[HARNESS_BLOCKED:t3:]', blocked('t3', '')],
    ['[HARNESS_BLOCKED:t3]', blocked('t3', '')],
    ['[HARNESS_BLOCKED:任务:需要钥匙]', blocked('任务', '需要钥匙')],
  ]
  for (const [line, marker] of table) assert.deepEqual(findMarker(`Did it.\n${line}`), marker, line)
})

test('markers - what is dressed up is still a line of its own', () => {
  const forms = ['  X  ', '\tX', '**X**', '`X`', '***`X`***', '_X_', '```X```', 'X\r', '\u3000X\u00a0', '* X *']
  for (const form of forms) assert.deepEqual(findMarker(`Did it.\r\n${form.replace('X', COMPLETE)}\n`), complete, form)
  assert.deepEqual(findMarker('\\[HARNESS\\_BATCH\\_DONE:build:1/4\\]'), batchDone('build', 1, 4))
  assert.deepEqual(findMarker(`${COMPLETE}\n\n  \n`), complete)
})

test('markers - a sentence, a quotation, a list item or half a marker is none', () => {
  const lines = [
    `I will print ${COMPLETE} at the end`,
    `${COMPLETE} is what I print`,
    `${COMPLETE}.`,
    `${COMPLETE} ${BATCH}`,
    `> ${COMPLETE}`,
    `- ${COMPLETE}`,
    `1. ${COMPLETE}`,
    `# ${COMPLETE}`,
    '[HARNESS_COMPLETE',
    'HARNESS_COMPLETE',
    '[harness_complete]',
    '[HARNESS_COMPLETED]',
    '[HARNESS_BATCH_DONE]',
    '[HARNESS_BATCH_DONE:1/4]',
    '[HARNESS_BATCH_DONE::1/4]',
    '[HARNESS_BATCH_DONE:build:1]',
    '[HARNESS_BATCH_DONE:build:one/four]',
    '[HARNESS_BATCH_DONE:build:-1/4]',
    '[HARNESS_BATCH_DONE:build:1/99999999999]',
    '[HARNESS_BLOCKED]',
    '[HARNESS_BLOCKED::why]',
    '[HARNESS_BLOCKED:t3\n:why]',
  ]
  for (const line of lines) {
    assert.equal(findMarker(`Did it.\n${line}\n`), null, line)
    assert.equal(withoutMarkers(`Did it.\n${line}`), `Did it.\n${line}`, line)
  }
})

test('markers - nothing counts within a code fence', () => {
  const fenced = [
    `\`\`\`\n${COMPLETE}\n\`\`\``,
    `~~~text\n${COMPLETE}\n~~~`,
    `\`\`\`\`\n\`\`\`\n${COMPLETE}\n\`\`\`\`\nend`,
    `  \`\`\`\n${COMPLETE}\n  \`\`\``,
    `\`\`\`\n~~~\n\`\`\`js\n${COMPLETE}\n\`\`\``,
    `\`\`\`\n${COMPLETE}`,
  ]
  for (const text of fenced) {
    assert.equal(findMarker(text), null, text)
    assert.equal(withoutMarkers(text), text, text)
  }
  for (const text of [`\`\`\`\ncode\n\`\`\`\n${COMPLETE}`, `\`\`\`one line\`\`\`\n${COMPLETE}`, `a \`\`\` b\n${COMPLETE}`]) {
    assert.deepEqual(findMarker(text), complete, text)
  }
})

test('markers - the last one counts, of whatever kind', () => {
  const all = [COMPLETE, BATCH, BLOCKED]
  for (const first of all) {
    for (const last of all) assert.deepEqual(findMarker(`${first}\nthen\n${last}\n`), findMarker(last), `${first} ${last}`)
  }
  assert.deepEqual(findMarker(`[HARNESS_BATCH_DONE:a:1/4]\n[HARNESS_BATCH_DONE:a:2/4]`), batchDone('a', 2, 4))
  assert.deepEqual(findMarker(`${BATCH}\nI would print ${COMPLETE} next`), batchDone('build', 1, 4))
})

test('markers - only the last 2,000 characters count', () => {
  assert.deepEqual(findMarker(`${COMPLETE}\n${'x'.repeat(1_981)}`), complete)
  assert.equal(findMarker(`${COMPLETE}\n${'x'.repeat(1_982)}`), null)
  assert.deepEqual(findMarker(`${COMPLETE}${'\n'.repeat(5_000)}`), complete)
  assert.equal(findMarker(`[HARNESS_BLOCKED:t:${'x'.repeat(2_000)}]`), null)
})

test('markers - what the person reads has none of them', () => {
  const table: [string, string][] = [
    ['', ''],
    [COMPLETE, ''],
    [`Did it.\n\n${COMPLETE}\n`, 'Did it.'],
    [`a\n\n${BATCH}\n\nb`, 'a\n\nb'],
    [`a\n${BATCH}\nb`, 'a\nb'],
    [`${BATCH}\n\nb\r\n**${COMPLETE}**\r\nc`, 'b\r\nc'],
    [`${COMPLETE}\n${'x'.repeat(3_000)}`, 'x'.repeat(3_000)],
    ['  untouched \n\n', '  untouched \n\n'],
  ]
  for (const [reply, read] of table) assert.equal(withoutMarkers(reply), read, reply.slice(0, 60))
})

test('markers - property: without its markers a reply has none, and nothing else is missing', () => {
  const line = fc.oneof(
    fc.constantFrom(COMPLETE, BATCH, BLOCKED, `**${COMPLETE}**`, '```', '~~~', '', '```js', ` ${BATCH}`),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), (lines) => {
      const reply = lines.join('\n')
      const read = withoutMarkers(reply)
      assert.equal(findMarker(read), null)
      assert.equal(withoutMarkers(read), read)
      const words = (text: string): string => text.replace(/\s+/g, '')
      const dressed = new Set([COMPLETE, BATCH, BLOCKED, `**${COMPLETE}**`, ` ${BATCH}`])
      const without = (list: readonly string[]): string => words(list.filter((each) => !dressed.has(each)).join('\n'))
      assert.equal(without(read.split('\n')), without(lines))
    }),
    { numRuns: 2_000 },
  )
})

test('markers - the largest replies are read in a moment', () => {
  const hostile = [
    '\n'.repeat(16e6),
    ' '.repeat(16e6),
    '* '.repeat(8e6),
    '`'.repeat(16e6),
    '```\n[HARNESS_COMPLETE]\n```\n'.repeat(500_000),
    'a\n\n[HARNESS_COMPLETE]\n\n'.repeat(500_000),
    `[HARNESS_BATCH_DONE:${':'.repeat(1_900)}]\n`.repeat(8_000),
    `[HARNESS_COMPLETE${' '.repeat(1_900)}x\n`.repeat(8_000),
    `${'*'.repeat(90)}[HARNESS_BLOCKED:${'\\['.repeat(900)}\n`.repeat(8_000),
  ]
  for (const reply of hostile) {
    const from = performance.now()
    findMarker(reply)
    withoutMarkers(reply)
    assert.ok(performance.now() - from < 8_000, reply.slice(0, 40))
  }
})

test('markers - those that a batch is taught are those that are read', () => {
  for (const prompt of [chainPrompt({ isInterrupted: false }), chainPrompt({ isInterrupted: true }), decomposePrompt()]) {
    const taught = [...prompt.matchAll(/^\[HARNESS_[^\]]*\]/gm)].map(([marker]) =>
      marker.replace('<phase>', 'qa').replace('<done>/<total>', '1/2').replace('<task_id>', 't1').replace('<reason>', 'a key'),
    )
    assert.deepEqual(taught.map(findMarker), [batchDone('qa', 1, 2), complete, blocked('t1', 'a key')])
    assert.equal(findMarker(prompt), null)
    assert.match(prompt, /harness loop/)
  }
})
