import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatMarkdown } from '../../../../services/sessions/telegram/format.ts'
import { toHtml } from '../../../../services/sessions/telegram/html.ts'
import { alignTable, displayWidth, splitRow } from '../../../../services/sessions/telegram/table.ts'

const html = (markdown: string): string => toHtml(formatMarkdown(markdown))

/** Markdown, and what a chat is sent for it. */
const CASES: Readonly<Record<string, readonly (readonly [markdown: string, html: string])[]>> = {
  'plain text is kept': [
    ['a\nb\n\nc', 'a\nb\n\nc'],
    ['a\n\n\n\nb', 'a\n\n\n\nb'],
    ['a\r\nb\rc', 'a\nb\nc'],
    ['1 < 2 & 3 > 2 "q"', '1 &lt; 2 &amp; 3 &gt; 2 "q"'],
    ['a &lt; b', 'a &amp;lt; b'],
    ['\\*no\\*', '*no*'],
    ['snake_case_name 2*3*4', 'snake_case_name 2<i>3</i>4'],
  ],
  emphasis: [
    ['**b** *i* _i_ ~~s~~ `c<`', '<b>b</b> <i>i</i> <i>i</i> <s>s</s> <code>c&lt;</code>'],
    ['***x***', '<b><i>x</i></b>'],
    ['**a `c` b**', '<b>a </b><code>c</code><b> b</b>'],
    ['a  \nb\\\nc', 'a\nb\nc'],
  ],
  headings: [
    ['# One\ntext', '<b>One</b>\ntext'],
    ['## A `c` *i*', '<b>A </b><code>c</code><b> <i>i</i></b>'],
    ['Title\n===\nx', '<b>Title</b>\nx'],
  ],
  links: [
    ['[t](https://x.y/?a=1&b=2)', '<a href="https://x.y/?a=1&amp;b=2">t</a>'],
    ['[**t**](tg://user?id=1 "who")', '<a href="tg://user?id=1"><b>t</b></a> (who)'],
    ['[t](/rel) [m](mailto:a@b.c) [j](javascript:x)', 't (/rel) m (mailto:a@b.c) j (javascript:x)'],
    ['https://x.y/a_b_c <https://x.y>', 'https://x.y/a_b_c https://x.y'],
    ['![alt](https://x.y/i.png)', '<a href="https://x.y/i.png">alt</a>'],
    ['[![alt](https://i.j)](https://x.y)', '<a href="https://x.y">alt (https://i.j)</a>'],
    ['[`c`](https://x.y)', '<a href="https://x.y">c</a>'],
    ['[a][r]\n\n[r]: https://x.y', '<a href="https://x.y">a</a>\n\n[r]: https://x.y'],
  ],
  'code blocks': [
    ['```python\na < b\n  c\n```\nx', '<pre><code class="language-python">a &lt; b\n  c</code></pre>\nx'],
    ['```\n**a**\n```', '<pre>**a**</pre>'],
    ['```py title="x"\na\n```', 'py title="x"\n<pre>a</pre>'],
    ['```js\nnever closed', '<pre><code class="language-js">never closed</code></pre>'],
  ],
  lists: [
    ['- a\n- b\n  - c', '• a\n• b\n  ◦ c'],
    ['3. a\n4. b', '3. a\n4. b'],
    ['1. a\n1. b', '1. a\n2. b'],
    ['2) a\n5) b', '2) a\n5) b'],
    ['- [x] a **b**\n- [ ] c', '☑ a <b>b</b>\n☐ c'],
    ['- a\n  more\n\n  para\n- b', '• a\n  more\n\n  para\n• b'],
    ['- a\n  ```\n  x\n    y\n  ```\n- b', '• a\n<pre>x\n  y</pre>\n• b'],
  ],
  'blocks that stand together': [
    ['```\n> a\n\n```\n>     b', '<pre>&gt; a</pre>\n<blockquote><pre>b</pre></blockquote>'],
    [
      '```js\na\n\n```\n```js\nb\n```',
      '<pre><code class="language-js">a</code></pre>\n<pre><code class="language-js">b</code></pre>',
    ],
  ],
  quotes: [
    ['> a\n> **b**\n\nc', '<blockquote>a\n<b>b</b></blockquote>\n\nc'],
    ['> a\n> > b', '<blockquote>a\nb</blockquote>'],
    ['> - a\n> - b', '<blockquote>• a\n• b</blockquote>'],
  ],
  'rules and html': [
    ['a\n\n---\n\nb', 'a\n\n──────────\n\nb'],
    ['<b>x</b> <br>', '&lt;b&gt;x&lt;/b&gt; &lt;br&gt;'],
    ['<div>\nx\n</div>', '&lt;div&gt;\nx\n&lt;/div&gt;'],
  ],
  tables: [
    ['|h1|h2|\n|---|---|\n|1|two<|\nafter', '<pre>h1 │ h2  \n───┼─────\n1  │ two&lt;</pre>\nafter'],
    ['| a | b |\n|:-:|--:|\n| **x** | `y` |', '<pre>a │ b\n──┼──\nx │ y</pre>'],
    ['|a|\n|-|\n|1|2|3|', '<pre>a │   │  \n──┼───┼──\n1 │ 2 │ 3</pre>'],
    ['|a|\n|-|\n|[t](https://x.y)|', '<pre>a              \n───────────────\nt (https://x.y)</pre>'],
  ],
}

for (const [title, cases] of Object.entries(CASES)) {
  test(`format - ${title}`, () => {
    for (const [markdown, expected] of cases) assert.equal(html(markdown), expected, JSON.stringify(markdown))
  })
}

test('format - table columns are as wide as what is seen in them', () => {
  assert.equal(displayWidth('abc'), 3)
  assert.equal(displayWidth('中文'), 4)
  assert.equal(displayWidth('👩‍👩‍👧 e\u0301'), 4)
  assert.equal(displayWidth('ｶﾅ！'), 4)
  const lines = alignTable([
    ['name', 'n'],
    ['中文', '1'],
    ['👍', '22'],
  ]).split('\n')
  assert.deepEqual(new Set(lines.map(displayWidth)), new Set([9]))
  assert.deepEqual(splitRow('| a \\| b | | c'), ['a | b', '', 'c'])
})

test('format - one wide cell does not widen the whole table without end', () => {
  const rows = Array.from({ length: 100 }, () => ['x', 'y'])
  const table = alignTable([['a', 'b'], ['w'.repeat(5_000), 'z'], ...rows])
  assert.ok(table.length < 20_000, `${table.length}`)
  assert.ok(table.includes('w'.repeat(5_000)))
})

test('format - half a surrogate pair becomes a replacement character', () => {
  assert.equal(formatMarkdown('a\ud800b').text, 'a\ufffdb')
})

test('format - a hostile text takes no time worth mentioning', () => {
  const hostile = [
    '*',
    '[',
    '_a',
    '**a ',
    '> ',
    '- ',
    '`',
    '<',
    '![[',
    '[a](',
    '~~a',
    'a@',
    '**b_c',
    '|',
    '\\',
    '<!--',
    '1. ',
    '    ',
    '\n> - ',
    '#',
    'a*b_',
    '(((',
    '"',
    '&',
  ]
  for (const piece of hostile) {
    for (const size of [10_000, 59_000]) {
      const text = piece.repeat(Math.floor(size / piece.length))
      const began = performance.now()
      const rich = formatMarkdown(text)
      const took = performance.now() - began
      assert.ok(took < 3_000, `${JSON.stringify(piece)} × ${size}: ${Math.round(took)} ms`)
      assert.ok(rich.text.length > 0 || /^[\s`]*$/.test(text), JSON.stringify(piece))
    }
  }
  assert.deepEqual(formatMarkdown('*a* '.repeat(20_000)).entities, [])
})
