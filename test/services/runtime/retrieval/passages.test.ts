import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cutPassages, MAX_PASSAGES } from '../../../../services/runtime/retrieval/passages.ts'
import { queryTerms, splitWords } from '../../../../services/runtime/retrieval/words.ts'
import fc from '../../../property.ts'

test('passages - hold all of a text in its order, none longer than a model reads, none with half a character', () => {
  // Each letter is there once, so that a passage has one place in the text.
  const letters = fc.record({ count: fc.nat({ max: 1_500 }), wide: fc.boolean() })
  const gap = fc.constantFrom('', ' ', '\n', '\n\n', '. ', '。', '! \n')
  fc.assert(
    fc.property(fc.array(fc.tuple(letters, gap), { maxLength: 12 }), (pieces) => {
      let last = 0
      const made = ({ count, wide }: { count: number; wide: boolean }): string =>
        Array.from({ length: count }, () => String.fromCodePoint((wide ? 0x20000 : 0x4e00) + ++last)).join('')
      const text = pieces.map(([run, between]) => `${made(run)}${between}`).join('')
      const passages = cutPassages(text)
      let covered = 0
      for (const passage of passages) {
        assert.ok(passage.length <= 1_200 && passage.trim() === passage && passage !== '')
        assert.ok(passage.isWellFormed())
        // It begins within what came before or right behind it: only blanks may lie between.
        const at = text.indexOf(passage, Math.max(0, covered - 1_200))
        assert.ok(at !== -1 && text.slice(covered, Math.max(covered, at)).trim() === '')
        assert.ok(at + passage.length > covered)
        covered = at + passage.length
      }
      assert.equal(text.slice(covered).trim(), '')
    }),
    { numRuns: 300 },
  )
})

test('passages - are cut between paragraphs, else between sentences, and overlap', () => {
  const sentence = 'This sentence is here to fill the room. '
  const paragraphs = `${sentence.repeat(18).trim()}\n\n${sentence.repeat(18).trim()}`
  assert.deepEqual(cutPassages(paragraphs)[0], sentence.repeat(18).trim())
  const [first = '', second = ''] = cutPassages(sentence.repeat(60))
  assert.ok(first.endsWith('room.') && second.startsWith('This'))
  assert.equal(cutPassages('short').length, 1)
  assert.deepEqual([cutPassages(''), cutPassages(' \n ')], [[], []])
})

test('passages - a text without end is taken in up to a bound, soon', () => {
  const began = performance.now()
  assert.equal(cutPassages('x'.repeat(8_000_000)).length, MAX_PASSAGES)
  assert.ok(performance.now() - began < 5_000)
})

test('words - scripts without spaces become letters and pairs, the rest stays words', () => {
  assert.deepEqual(splitWords('Meet 张三丰 at ＮＯＯＮ, ok?'), { latin: 'Meet at NOON ok', pieces: '张 三 丰 张三 三丰' })
  assert.deepEqual(queryTerms('Where is the 张三丰 notebook?'), ['notebook', '张三', '三丰'])
  assert.deepEqual(queryTerms('who are you'), ['who', 'are', 'you'])
  assert.deepEqual(queryTerms('猫'), ['猫'])
  assert.deepEqual(queryTerms('"? *'), [])
  assert.equal(queryTerms(Array.from({ length: 99 }, (_, index) => `w${index}`).join(' ')).length, 32)
})
