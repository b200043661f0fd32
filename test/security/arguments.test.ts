/** What the command is told: a slip never widens what is run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readArguments } from './arguments.ts'

const NAMES = ['doors.test.js', 'doors.js', 'framing.test.js', 'main.js']

test('security arguments - words choose files, and none chooses all', () => {
  const all = ['doors.test.js', 'framing.test.js']
  assert.deepEqual(readArguments([], NAMES, 5), { files: all, runs: 20, seed: 5 })
  assert.deepEqual(readArguments(['fram', '--runs', '3', '--seed=0'], NAMES, 5), { files: ['framing.test.js'], runs: 3, seed: 0 })
})

test('security arguments - a word that fits no file is refused, also beside one that does: nothing else is run for it', () => {
  for (const words of [['typo'], ['doors', 'typo'], ['main']])
    assert.throws(() => readArguments(words, NAMES, 5), /There is no test "(typo|main)"\. There are: doors, framing$/)
  assert.throws(() => readArguments([], ['main.js'], 5), /There is no test/)
})

test('security arguments - numbers that are none, and options that are unknown, are refused', () => {
  for (const runs of ['0', '-1', '1.5', 'many', '', '100001'])
    assert.throws(() => readArguments([`--runs=${runs}`], NAMES, 5), /--runs must be a whole number/)
  for (const seed of ['-1', '1.5', 'x', '']) assert.throws(() => readArguments([`--seed=${seed}`], NAMES, 5), /--seed must be/)
  assert.throws(() => readArguments(['--run', '3'], NAMES, 5), /--run/)
})
