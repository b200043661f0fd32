/** The account of the slow client: it finds what is missing or doubled in a stream whose end is whole. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Findings } from '../crash/matrix/loads/load.ts'
import { addFaults } from './slow-client.ts'

const WORDS = ['soaks0', 't0', 't1', 't2']
const ANSWER = WORDS.join(' ')

const bodyOf = (streamed: readonly string[], done: string | null = ANSWER): string =>
  [
    ['turn', ''],
    ...streamed.map((word, index) => ['text', index === 0 ? word : ` ${word}`]),
    ...(done === null ? [] : [['done', done]]),
  ]
    .map(([type, content], index) => `: waiting\n\nid: ${index}\ndata: ${JSON.stringify({ type, content })}\n\n`)
    .join('')

const faultsOf = (body: string): { lost: number; doubled: number } => {
  const found = new Findings()
  addFaults(found, 'soaks0', body, ANSWER)
  const { lost, doubled } = found.faults
  return { lost, doubled }
}

test('soak slow client - a whole stream with its end is in order', () => {
  assert.deepEqual(faultsOf(bodyOf(WORDS)), { lost: 0, doubled: 0 })
})

test('soak slow client - words that were not streamed are lost, though the end holds all of them', () => {
  assert.deepEqual(faultsOf(bodyOf([])), { lost: 4, doubled: 0 })
  assert.deepEqual(faultsOf(bodyOf(['soaks0', 't0', 't2'])), { lost: 1, doubled: 0 })
})

test('soak slow client - words that came twice, or in another order, are found', () => {
  assert.deepEqual(faultsOf(bodyOf(['soaks0', 't0', 't1', 't1', 't2'])), { lost: 0, doubled: 1 })
  assert.deepEqual(faultsOf(bodyOf(['soaks0', 't1', 't0', 't2'])), { lost: 1, doubled: 0 })
})

test('soak slow client - a stream without its end, or with another one, is no whole answer', () => {
  assert.deepEqual(faultsOf(bodyOf(WORDS, null)), { lost: 1, doubled: 0 })
  assert.deepEqual(faultsOf(bodyOf(WORDS, 'soaks0 t0')), { lost: 1, doubled: 0 })
  assert.deepEqual(faultsOf(''), { lost: 5, doubled: 0 })
})
