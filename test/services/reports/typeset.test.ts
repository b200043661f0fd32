/** Both typesetters: what is read in the PDF is what the structure says, character by character, whatever it says. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { ReportLang } from '../../../protocol/reports.ts'
import { cleanText, toHref } from '../../../services/reports/content/clean-text.ts'
import { toPaper } from '../../../services/reports/content/content.ts'
import { exampleOf } from '../../../services/reports/content/example.ts'
import type { Block, Paper } from '../../../services/reports/content/paper.ts'
import type { Engine, Typeset } from '../../../services/reports/engine/engine.ts'
import { createTypst } from '../../../services/reports/engine/typst.ts'
import { createXelatex } from '../../../services/reports/engine/xelatex.ts'
import { OneShot } from '../../../services/reports/one-shot/one-shot.ts'
import { processesOf } from '../../../services/reports/one-shot/processes.ts'
import { onPath } from '../../../services/runtime/agent-environment.ts'
import { checkLeaks, tempDir } from '../../harness.ts'
import fc from '../../property.ts'
import { assertSame, expected, isInstalled, readBack } from './pages.ts'

checkLeaks()

const NEVER = new AbortController().signal

/** Null where it is not installed and nobody insists: then the test is skipped by name. */
const engineOf = (t: TestContext, name: 'xelatex' | 'typst'): Engine | null => {
  if (!isInstalled(t, 'pdftotext', ...(name === 'xelatex' ? ['xelatex'] : []))) return null
  if (name === 'typst') return createTypst()
  const path = process.env.PATH ?? ''
  return createXelatex(onPath('xelatex', path) ?? '', path, tempDir(t))
}

type Made = Extract<Typeset, { pdf: string }> & { readonly shot: OneShot }

const typeset = async (t: TestContext, engine: Engine, paper: Paper, lang: ReportLang, tight = false): Promise<Made> => {
  const shot = new OneShot(tempDir(t), 'typeset', engine.bounds)
  const ended = await shot.start(engine.program(paper, lang, tight), NEVER, NEVER)
  const result = engine.result(shot, ended)
  if ('fault' in result) assert.fail(`${result.fault}\n${shot.output('out').slice(-2_000)}`)
  return { ...result, shot }
}

/** What means something to a typesetter, to Markdown, to a shell or to a template. */
const PHRASES = [
  ...[
    '\\',
    '{',
    '}',
    '$',
    '&',
    '%',
    '#',
    '_',
    '~',
    '^',
    '^^5c',
    '^^M',
    '\\\\',
    '\\par',
    '\\end{document}',
    '\\input{/etc/passwd}',
  ],
  ...[
    '\\write18{id}',
    '\\PaperTight',
    '$x^2_3$',
    '%comment',
    '#1',
    '##',
    '{{}}',
    '}{',
    '<<CONTENT>>',
    '<<DATE>>',
    '$&',
    '$1',
    '[x]',
    '\\[',
    '\\(',
  ],
  ...[
    '#import "x": y',
    '#eval("1")',
    '#{',
    '*bold*',
    '_under_',
    '= heading',
    '@ref',
    '<label>',
    '// no',
    '/* no */',
    '`code`',
    '```',
    '---',
    '--',
    '...',
  ],
  ...[
    "''",
    '``',
    '"q"',
    '?`',
    '!`',
    '<<',
    '>>',
    ',,',
    'fi fl ffi',
    'AVATo',
    '$(id)',
    '`id`',
    '; rm',
    '<b>',
    '&amp;',
    '\u2019s',
    '\u201cq\u201d',
    '\u2026',
    '\u2014',
  ],
  ...[
    '的一是不了',
    '，。！？；：',
    '「引号」',
    '《书名》',
    '（括号）',
    '“中文”',
    '——',
    '……',
    '、',
    '々',
    '龍龜',
    'A股',
    '3.5%',
    '￥100',
    'ＡＢＣ',
    '〇',
  ],
  ...['😀', '🚀', '🎉', '🧠', '🌏', '👍', '❤', '☀', '✅', '⚠', '📈', '📉'],
  ...['éüñøß', 'ÀÖ', '€£¥', '©®™', '±×÷', '½', 'Привет', 'ΑΒΓ αβγ', '°C', '→', '≤', '①', '•', '·', '№'],
  ...[
    'x'.repeat(120),
    'https://example.org/a/very/long/path/that/goes/on?and=on&and=on#and-on_and_on~and%20on',
    '长'.repeat(120),
  ],
]

const Hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(...PHRASES),
      fc.string({ unit: fc.constantFrom(...PHRASES), minLength: 1, maxLength: 3 }),
      fc.string({ minLength: 1, maxLength: 12 }),
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((parts) => cleanText(parts.join(' ')))
  .filter((text) => text !== '')

const Url = fc.webUrl({ withQueryParameters: true, withFragments: true }).map(toHref)

/** A paper of nothing but such strings, in every place that a text may have. */
const HostilePaper = (count: number) =>
  fc
    .record({
      texts: fc.array(Hostile, { minLength: count, maxLength: count }),
      urls: fc.array(Url, { minLength: 4, maxLength: 4 }),
    })
    .map(({ texts, urls }): Paper => {
      let at = 0
      const next = (): string => texts[at++ % texts.length] ?? 'x'
      const link = (index: number) => {
        const url = urls[index % urls.length] ?? null
        return url === null ? null : { label: next(), url }
      }
      const items = (number: number) =>
        Array.from({ length: number }, (_, index) => ({
          lead: index % 3 === 0 ? null : next(),
          text: next(),
          sub: index % 2 === 0 ? next() : null,
          link: link(index),
        }))
      const blocks = (): Block[] => [
        { kind: 'paragraph', text: next() },
        { kind: 'quote', text: next(), by: next() },
        { kind: 'note', text: next() },
        { kind: 'label', text: next(), tone: 'risk' },
        { kind: 'items', numbered: false, tone: 'chance', items: items(6) },
        { kind: 'items', numbered: true, tone: 'plain', items: items(6) },
      ]
      const sections = Array.from({ length: 4 }, () => ({ heading: next(), blocks: blocks() }))
      return { title: next(), dateline: next(), aside: next(), banner: next(), sections, colophon: next() }
    })

for (const name of ['xelatex', 'typst'] as const) {
  for (const lang of ['cn', 'en'] as const) {
    test(`typeset ${name} - hostile texts are read as they were written (${lang})`, async (t) => {
      const engine = engineOf(t, name)
      if (engine === null) return
      // One paper with many strings, another one each time. Every phrase stands alone once.
      await fc.assert(
        fc.asyncProperty(HostilePaper(120), async (paper) => {
          const texts = PHRASES.map(cleanText).filter((text) => text !== '')
          const all = {
            ...paper,
            sections: [...paper.sections, { heading: 'all', blocks: texts.map((text): Block => ({ kind: 'paragraph', text })) }],
          }
          const { pdf, lacking } = await typeset(t, engine, all, lang)
          assert.deepEqual(lacking, [])
          assertSame(readBack(pdf), expected(all))
        }),
        // Shrinking would typeset hundreds of papers.
        { numRuns: 1, endOnFailure: true, includeErrorInReport: true },
      )
    })
  }

  test(`typeset ${name} - the example of each edition: one or two pages, links that work, no file but its own`, async (t) => {
    const engine = engineOf(t, name)
    if (engine === null) return
    for (const lang of ['cn', 'en'] as const) {
      const paper = toPaper(exampleOf(lang), { lang, date: '2026-11-23', preview: false, example: true })
      const { pdf, pages, lacking, shot } = await typeset(t, engine, paper, lang)
      assert.ok(pages <= 2, `${pages} pages`)
      assert.deepEqual(lacking, [])
      assertSame(readBack(pdf), expected(paper))
      const urls = execFileSync('pdfinfo', ['-url', pdf], { encoding: 'utf8' })
      const wanted = paper.sections.flatMap(({ blocks }) =>
        blocks.flatMap((block) => (block.kind === 'items' ? block.items : [])),
      )
      assert.equal(urls.match(/https:\/\/example\.org\//g)?.length, wanted.filter(({ link }) => link !== null).length)
      assert.equal(existsSync(shot.file('out')), true)
      if (lang === 'en') continue
      const tight = await typeset(t, engine, paper, lang, true)
      assert.ok(tight.pages <= pages)
      assertSame(readBack(tight.pdf), expected(paper))
    }
  })

  test(`typeset ${name} - no page is begun for the last line alone`, async (t) => {
    const engine = engineOf(t, name)
    if (engine === null) return
    const paper = toPaper(exampleOf('en'), { lang: 'en', date: '2026-11-23', preview: false, example: false })
    const withLines = async (count: number): Promise<Made> => {
      const blocks = Array.from({ length: count }, (_, n): Block => ({ kind: 'paragraph', text: `Line ${n}` }))
      return await typeset(t, engine, { ...paper, sections: [{ heading: 'Lines', blocks }] }, 'en')
    }
    // The fewest lines with which there is a second page.
    let [fits, turns] = [32, 40]
    while (turns - fits > 1) {
      const middle = Math.floor((fits + turns) / 2)
      if ((await withLines(middle)).pages === 1) fits = middle
      else turns = middle
    }
    const { pdf, pages } = await withLines(turns)
    assert.deepEqual([pages, fits > 32], [2, true])
    assert.match(execFileSync('pdftotext', ['-f', '2', '-raw', pdf, '-'], { encoding: 'utf8' }), /^Line \d+/)
  })

  test(`typeset ${name} - a character that no font has is told`, async (t) => {
    const engine = engineOf(t, name)
    if (engine === null) return
    const paper = toPaper(exampleOf('en'), { lang: 'en', date: '2026-11-23', preview: true, example: false })
    const { lacking } = await typeset(t, engine, { ...paper, colophon: 'x \u{12000} y' }, 'en')
    assert.deepEqual(lacking, ['\u{12000}'])
  })
}

test('typeset xelatex - a template cannot run programs, nor read or write elsewhere', async (t) => {
  const engine = engineOf(t, 'xelatex')
  if (engine === null) return
  const paper = toPaper(exampleOf('en'), { lang: 'en', date: '2026-11-23', preview: true, example: false })
  const folder = tempDir(t)
  const secret = join(folder, 'secret')
  execFileSync('sh', ['-c', `echo found-it > '${secret}.tex'`])
  const program = engine.program(paper, 'en', false)
  const attack = (command: string) => ({
    ...program,
    files: {
      ...program.files,
      'paper.tex': (program.files?.['paper.tex'] ?? '').replace('\\begin{document}', `\\begin{document}${command}`),
    },
  })
  for (const command of [
    `\\immediate\\write18{touch '${join(folder, 'ran')}'}`,
    `\\newwrite\\w\\immediate\\openout\\w=${join(folder, 'written')} \\immediate\\write\\w{x}\\immediate\\closeout\\w`,
    `\\InputIfFileExists{${secret}}{}{}`,
  ]) {
    const shot = new OneShot(tempDir(t), 'typeset', engine.bounds)
    const result = engine.result(shot, await shot.start(attack(command), NEVER, NEVER))
    if ('pdf' in result) assert.doesNotMatch(readBack(result.pdf), /found-it/)
  }
  assert.equal(existsSync(join(folder, 'ran')) || existsSync(join(folder, 'written')), false)
})

test('typeset - what takes too long or too much memory is ended with all that it has started', async (t) => {
  const shell = (script: string) => ({
    command: '/bin/sh',
    args: ['-c', script],
    env: { PATH: process.env.PATH ?? '' },
    input: '',
  })
  const bounds = { timeout_ms: 30_000, cpu_s: 60, address_mb: 0, resident_mb: 1_000 }
  const long = new OneShot(tempDir(t), 'long', { ...bounds, timeout_ms: 300 })
  const slow = await long.start(shell('sleep 60 & sleep 60'), NEVER, NEVER)
  assert.match(slow.reason ?? '', /took longer than 0 s/)
  assert.deepEqual(processesOf('long', null), [], 'also what it had put in the background')
  const large = new OneShot(tempDir(t), 'large', { ...bounds, resident_mb: 100 })
  const hungry = `'${process.execPath}' -e 'const all = []; setInterval(() => all.push(Buffer.alloc(2e7, 1)), 10)'`
  assert.match((await large.start(shell(hungry), NEVER, NEVER)).reason ?? '', /MB of memory, more than the 100 MB/)
  const busy = new OneShot(tempDir(t), 'busy', { ...bounds, cpu_s: 1 })
  assert.notEqual((await busy.start(shell('while :; do :; done'), NEVER, NEVER)).status, 0)
  const fine = new OneShot(tempDir(t), 'fine', bounds)
  assert.deepEqual(await fine.start(shell('cat; exit 3'), NEVER, NEVER), { status: 3, reason: null })
})
