import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBlank, MESSAGE_UNITS, toChunks, toPlain } from '../../../../services/sessions/telegram/chunks.ts'
import { formatMarkdown } from '../../../../services/sessions/telegram/format.ts'
import { toHtml } from '../../../../services/sessions/telegram/html.ts'
import { LABEL, prepareParts } from '../../../../services/sessions/telegram/prepare.ts'
import { parseTelegramHtml } from '../../../fakes/bot-api-html.ts'
import fc from '../../../property.ts'

const LIMIT = MESSAGE_UNITS - LABEL.length
const RUNS = Number(process.env.FUZZ_RUNS ?? 300)

const squeeze = (text: string): string => text.replace(/\s+/g, '')

/** Letters, digits and whatever else is no syntax of Markdown. Words hold none of the letters that formatting adds. */
const letter = fc.constantFrom(...'abcdefgwxyzABCXYZ0123456789äßé中文😀')
const word = fc.array(letter, { minLength: 1, maxLength: 12 }).map((letters) => letters.join(''))
const syntax = fc.constantFrom(
  ...[
    '*',
    '**',
    '***',
    '_',
    '__',
    '~~',
    '`',
    '``',
    '```',
    '```js\n',
    '\n```\n',
    '# ',
    '## ',
    '> ',
    '\n> ',
    '- ',
    '\n- ',
    '\n  - ',
    '\n1. ',
  ],
  ...[
    '[',
    ']',
    '(',
    ')',
    '](',
    '](http://x.y/',
    '![',
    '<',
    '>',
    '</b>',
    '<!--',
    '&',
    '&lt;',
    '"',
    '\\',
    '|',
    '\n|',
    '|\n|-|-|\n|',
    '\n---\n',
  ],
  ...[
    '\n',
    '\n\n',
    '  \n',
    ' ',
    '\t',
    '    ',
    ':',
    '- [x] ',
    '[a]: http://q.r ',
    '\u200d',
    '\u0301',
    '\u202e',
    '\0',
    '\ud83d',
    '\ude00',
    '👩‍👩‍👧',
  ],
)
const soup = fc.array(fc.oneof(word, syntax, fc.constant(' ')), { maxLength: 120 }).map((pieces) => pieces.join(''))
const hugeSoup = fc.tuple(soup, fc.integer({ min: 1, max: 400 })).map(([text, times]) => `${text}\n`.repeat(times))
const anyText = fc.oneof(soup, hugeSoup, fc.string({ unit: 'binary', maxLength: 6_000 }))

/** What a message shows, with what its links and languages hold, as the stand-in of Telegram reads it. */
const shown = (html: string): string => {
  const { text, entities } = parseTelegramHtml(html)
  return [text, ...entities.map(({ value }) => value)].join(' ')
}

test('chunks - any text: every message is valid and within the limits', () => {
  fc.assert(
    fc.property(anyText, (markdown) => {
      for (const part of prepareParts(markdown, 10)) {
        if (part.kind === 'document') {
          assert.ok(part.plain.length + LABEL.length <= 1_024 && !isBlank(part.plain))
          assert.equal(part.document, markdown.toWellFormed())
          continue
        }
        const { text, entities } = parseTelegramHtml(LABEL + part.html)
        assert.ok(text.length <= MESSAGE_UNITS, `${text.length}`)
        assert.ok(entities.length <= 200, `${entities.length}`)
        assert.ok(!isBlank(parseTelegramHtml(part.html).text) && !isBlank(part.plain))
        assert.ok(LABEL.length + part.plain.length <= MESSAGE_UNITS)
        assert.ok(text.isWellFormed())
      }
    }),
    { numRuns: RUNS },
  )
})

test('chunks - any text: the messages together show every word of it, each as often as it stood there', () => {
  const words = (text: string): Map<string, number> => {
    const counts = new Map<string, number>()
    for (const char of text.toWellFormed().match(/[a-zA-Z0-9äß中文😀é]/gu) ?? []) counts.set(char, (counts.get(char) ?? 0) + 1)
    return counts
  }
  fc.assert(
    fc.property(fc.oneof(soup, hugeSoup), (markdown) => {
      // Boxes are drawn, and lists of equal numbers counted: these characters are syntax.
      const source = words(markdown.replace(/\[x\]/g, '').replace(/\d+[.)]/g, ''))
      const chunks = toChunks(formatMarkdown(markdown), LIMIT)
      const seen = words(chunks.map((chunk) => shown(toHtml(chunk))).join(' '))
      for (const [char, count] of source) assert.ok((seen.get(char) ?? 0) >= count, `${char}: ${seen.get(char) ?? 0} of ${count}`)
    }),
    { numRuns: RUNS },
  )
})

test('chunks - a text without syntax is shown exactly, but for white space at the cuts', () => {
  const plain = fc
    .array(fc.oneof(word, fc.constantFrom(' ', '\n', '\n\n', ', ', '. ', '? ', ' é ', '“q”')), { maxLength: 3_000 })
    .map((pieces) =>
      pieces
        .join('')
        .replace(/\n[ \n]*\n/g, '\n\n')
        .replace(/ +\n/g, '\n')
        .replace(/\n +/g, '\n')
        .trim(),
    )
    .filter((text) => !/(^|\n)\d+[.)]/.test(text) && !/(https?:|www\.|@)/.test(text))
  fc.assert(
    fc.property(plain, (text) => {
      const rich = formatMarkdown(text)
      assert.equal(rich.text, text)
      assert.deepEqual(rich.entities, [])
      const chunks = toChunks(rich, 200)
      assert.equal(squeeze(chunks.map((chunk) => chunk.text).join('')), squeeze(text))
      for (const chunk of chunks) assert.ok(chunk.text.length <= 200)
    }),
    { numRuns: RUNS },
  )
})

test('chunks - cuts at paragraphs, else at lines, else at words, else between characters', () => {
  const cut = (text: string, limit: number) => toChunks({ text, entities: [] }, limit).map((chunk) => chunk.text)
  assert.deepEqual(cut('aaaa\n\nbb bb\ncc', 12), ['aaaa', 'bb bb\ncc'])
  assert.deepEqual(cut('aaa aaa\nbb bb bb', 12), ['aaa aaa', 'bb bb bb'])
  assert.deepEqual(cut('aaa bbb ccc', 8), ['aaa bbb', 'ccc'])
  assert.deepEqual(cut('aaaabbbb', 4), ['aaaa', 'bbbb'])
  assert.deepEqual(cut('aaaa bbbb', 4), ['aaaa', 'bbbb'])
  assert.deepEqual(cut('xx😀😀', 3), ['xx', '😀', '😀'])
  assert.deepEqual(cut('x👩‍👩‍👧yy', 8), ['x', '👩‍👩‍👧', 'yy'])
  assert.deepEqual(cut(`a\n\n${'\n'.repeat(50)}b`, 10), ['a', 'b'])
})

test('chunks - never between the halves of a character, whatever its length', () => {
  const zalgo = `e${'\u0301'.repeat(100)}`
  for (const text of ['😀'.repeat(50), '👩‍👩‍👧'.repeat(20), zalgo]) {
    const chunks = toChunks({ text, entities: [] }, 9)
    assert.equal(squeeze(chunks.map((chunk) => chunk.text).join('')), text)
    for (const chunk of chunks) assert.ok(chunk.text.isWellFormed() && chunk.text.length <= 9)
  }
})

test('chunks - formatting that is cut goes on in the next message', () => {
  const [first, second] = toChunks(formatMarkdown(`**${'a'.repeat(6)} ${'b'.repeat(6)}**`), 8).map(toHtml)
  assert.deepEqual([first, second], ['<b>aaaaaa</b>', '<b>bbbbbb</b>'])
  const code = toChunks(formatMarkdown('```py\nline 1\nline 2\n```'), 8).map(toHtml)
  assert.deepEqual(code, [
    '<pre><code class="language-py">line 1</code></pre>',
    '<pre><code class="language-py">line 2</code></pre>',
  ])
})

test('chunks - at most a hundred entities a message', () => {
  const chunks = toChunks(formatMarkdown('**b** *i* '.repeat(200)))
  assert.ok(chunks.length >= 4)
  for (const chunk of chunks) assert.ok(chunk.entities.length <= 100)
  assert.equal(
    chunks.reduce((sum, chunk) => sum + chunk.entities.length, 0),
    400,
  )
})

test('chunks - without formatting an address stands behind its text, where there is room', () => {
  const rich = formatMarkdown('see [this](https://x.y) and [that](https://z.w)')
  assert.equal(toPlain(rich), 'see this (https://x.y) and that (https://z.w)')
  assert.equal(toPlain(rich, 20), 'see this and that')
})

test('prepare - an empty text says so', () => {
  for (const text of ['', ' \n\t', '\u200b\u202e'])
    assert.deepEqual(prepareParts(text, 10), [
      { kind: 'message', html: '(empty response)', plain: '(empty response)', document: null },
    ])
  assert.equal(prepareParts('```\n```', 10)[0]?.plain, '```\n```')
})

test('prepare - what needs too many messages goes as a file', () => {
  const text = `# Title\n\n${'word '.repeat(3_000)}`
  assert.equal(prepareParts(text, 4).length, 4)
  const [part, ...others] = prepareParts(text, 3)
  assert.equal(others.length, 0)
  assert.equal(part?.kind, 'document')
  assert.equal(part?.document, text)
  assert.match(part?.plain ?? '', /^Title\n\nword word .*whole text is in the file\.$/s)
  const began = performance.now()
  assert.equal(prepareParts('_a'.repeat(4_000_000), 10)[0]?.kind, 'document')
  assert.ok(performance.now() - began < 3_000)
})
