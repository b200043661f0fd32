import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseArguments } from '../../bench/arguments.ts'

const known = ['one', 'two']

test('arguments - names, rounds, check and a file', () => {
  assert.deepEqual(parseArguments([], known), { names: [], check: false, rounds: 5, json: null })
  assert.deepEqual(parseArguments(['two', '--check', '--rounds', '7', '--json', 'x.json', 'one'], known), {
    names: ['two', 'one'],
    check: true,
    rounds: 7,
    json: 'x.json',
  })
})

test('arguments - goals are not judged by fewer rounds than say something', () => {
  assert.throws(() => parseArguments(['--check', '--rounds', '4'], known), /--check needs at least 5 rounds/)
  assert.equal(parseArguments(['--check', '--rounds', '5'], known).rounds, 5)
  assert.equal(parseArguments(['--rounds', '1'], known).rounds, 1)
})

test('arguments - what is not understood is said in a sentence', () => {
  assert.throws(() => parseArguments(['three', 'one'], known), /There is no bench "three". There are: one, two/)
  for (const rounds of ['0', '-1', '1.5', 'many', ''])
    assert.throws(() => parseArguments([`--rounds=${rounds}`], known), /--rounds must be a number/)
  assert.throws(() => parseArguments(['--chek'], known), /chek/)
})
