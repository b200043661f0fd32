import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HtmlError, parseTelegramHtml } from './bot-api-html.ts'

const ACCEPTED: readonly (readonly [html: string, text: string, entities: readonly string[]])[] = [
  ['plain', 'plain', []],
  ['&lt;&gt;&amp;&quot;&#39;&#x1F600;', '<>&"\'😀', []],
  ['<b>a<i>b</i></b>', 'ab', ['italic 1+1', 'bold 0+2']],
  ['<a href="http://x?a=1&amp;b=2">l</a>', 'l', ['text_link 0+1 http://x?a=1&b=2']],
  ['<pre><code class="language-py">x</code></pre>', 'x', ['code 0+1 language-py', 'pre 0+1']],
  ['<blockquote>q <code>c</code></blockquote>', 'q c', ['code 2+1', 'blockquote 0+3']],
  ['<b></b>x', 'x', []],
  ['<span class="tg-spoiler">s</span>', 's', ['spoiler 0+1']],
]

const REFUSED: readonly string[] = [
  '<b>open',
  'a < b',
  'a > b',
  'a & b',
  '&nbsp;',
  '<b>x</i>',
  '<b><i>x</b></i>',
  '</b>',
  '<h1>x</h1>',
  '<table>',
  '<b class="x">y</b>',
  '<a>no address</a>',
  '<code class="language-py">alone</code>',
  '<pre><b>x</b></pre>',
  '<b><code>x</code></b>',
  '<code><a href="http://x">x</a></code>',
  '<a href="http://x"><code>x</code></a>',
  '<a href="http://x"><a href="http://y">x</a></a>',
  '<blockquote><blockquote>x</blockquote></blockquote>',
  '<span>x</span>',
]

test('bot api html - reads what is documented', () => {
  for (const [html, text, entities] of ACCEPTED) {
    const parsed = parseTelegramHtml(html)
    assert.equal(parsed.text, text, html)
    assert.deepEqual(
      parsed.entities.map(({ type, offset, length, value }) => `${type} ${offset}+${length} ${value}`.trim()),
      entities,
      html,
    )
  }
})

test('bot api html - refuses everything else', () => {
  for (const html of REFUSED) assert.throws(() => parseTelegramHtml(html), HtmlError, html)
})
