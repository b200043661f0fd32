/** The page that runs write: their part of it, and nothing else; and what a run is told on its command line. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { killCells, powerCells } from './matrix/cells.ts'
import { atTheEnd } from './matrix/part.ts'
import { isClean, pageTable, terminalTable } from './matrix/table.ts'
import { withPart } from './page.ts'
import { PARTS, readArguments } from './run/arguments.ts'
import { chosenCells, emptyPart } from './run/choice.ts'
import { pageLines } from './run/page-lines.ts'
import { createRandom } from './run/random.ts'
import { isSound } from './run/verdict.ts'

test('reliability page - a run rewrites its own part and leaves every other word', () => {
  const once = withPart('# Page\n\nProse.\n', 'crash', ['| a |'])
  const both = `${withPart(once, 'soak', ['soaked'])}\nMore prose.\n`
  const twice = withPart(both, 'crash', ['| b |'])
  assert.ok(twice.includes('| b |') && !twice.includes('| a |'))
  assert.equal(twice.replace('| b |', '| a |'), both)
  assert.ok(twice.includes('Prose.') && twice.includes('soaked') && twice.endsWith('More prose.\n'))
  assert.equal(withPart(twice, 'crash', ['| b |']), twice)
})

test('crash arguments - all parts where nothing is said, the storm alone where its own options are given', () => {
  const plain = readArguments([])
  assert.deepEqual([plain.parts, plain.isWhole, plain.storm.kills], [PARTS, true, 60])
  const storm = readArguments(['--seed', '7', '--kills', '3', '--break', 'ack-before-commit'])
  assert.deepEqual([storm.seed, storm.parts, storm.isWhole, storm.storm.kills], [7, ['storm'], false, 3])
  assert.equal(readArguments(['--full']).isWhole, true)
  assert.equal(readArguments(['--only', 'scheduler']).isWhole, false)
  for (const wrong of [
    ['--kills', 'x'],
    ['--parts', 'nothing'],
    ['--ways', 'gently'],
    ['--seed', '-1'],
    // Broken on purpose, and then not run.
    ['--parts', 'matrix', '--unforced'],
    ['--parts', 'power', '--break', 'ack-before-commit'],
  ])
    assert.throws(() => readArguments(wrong), /--\w+ must be|ambiguous/)
})

test('crash matrix - a full run has every point for its own service, for all at once and for the power, and the same seed the same cells', () => {
  const size = { full: true, kills: 1 }
  const cells = [...killCells(size, createRandom(1)), ...powerCells(size, createRandom(1))]
  const points = (target: string): number => cells.filter((cell) => cell.target === target && cell.by !== null).length
  // Half a line is a moment of its own, and others are killed at points of sessions and scheduler, too.
  assert.equal(points('pm2'), points('power'))
  assert.equal(points('sessions') + points('scheduler') + points('reports'), points('pm2') + 1)
  for (const target of ['edge', 'history', 'memory', 'metrics', 'agent', 'keeper', 'pm2', 'power'])
    assert.ok(
      cells.some((cell) => cell.target === target && cell.moment === 'any'),
      target,
    )
  const quick = { full: false, kills: 1 }
  assert.deepEqual(killCells(quick, createRandom(3)), killCells(quick, createRandom(3)))
})

test('crash matrix - one fault, or one kill that did not fall, is no clean run', () => {
  const [cell] = killCells({ full: false, kills: 2 }, createRandom(1))
  assert.ok(cell)
  const row = { cell, hit: 2, lost: 0, doubled: 0, run_twice: 0, orphans: 0, corrupt: 0, notes: [] }
  assert.ok(isClean([row]))
  assert.ok(!isClean([row, { ...row, hit: 1 }]))
  for (const fault of ['lost', 'doubled', 'run_twice', 'orphans', 'corrupt']) assert.ok(!isClean([{ ...row, [fault]: 1 }]), fault)
  assert.ok(pageTable([row, { ...row, lost: 3 }]).some((line) => line.includes('**4/4** | **3**')))
})

test('crash matrix - the end of a house is a row without a kill, and what it leaves behind is a fault', () => {
  assert.ok(isClean([atTheEnd([])]))
  assert.ok(!isClean([atTheEnd(['7 sleep 1000'])]))
  const table = terminalTable([atTheEnd([])]).join('\n')
  assert.match(table, /switchboard down/)
  assert.doesNotMatch(table, /\d\/\d/)
})

test('reliability page - losses of power are told by their way', () => {
  const taken = (['torn', 'forgetful', 'torn'] as const).map((way, index) => ({ way, names: index, files: 10 }))
  const lines = pageLines({ seed: 1, full: true }, { storm: null, rows: [], power: { skipped: null, rows: [], taken } }, 0)
  assert.ok(lines.includes('Lost 3 times: 2 torn (2 names gone, 20 files older), 1 forgetful (1 names gone, 10 files older).'))
})

test('crash run - a part that could not be run, or has no cell, is no run without a fault', () => {
  const nothing = { storm: null, rows: [], power: null }
  assert.ok(isSound(nothing))
  assert.ok(!isSound({ ...nothing, power: { skipped: 'there is no C compiler (cc)', rows: [], taken: [] } }))
  const given = (...args: string[]) => readArguments(['--seed', '1', ...args])
  assert.equal(emptyPart(given()), null)
  assert.equal(emptyPart(given('--parts', 'matrix', '--only', ':power@any')), 'matrix')
  assert.equal(emptyPart(given('--only', ':power@any')), 'matrix', 'all parts are to be run')
  assert.equal(emptyPart(given('--parts', 'power', '--only', ':power@any')), null)
  assert.equal(chosenCells(given('--only', ':power@any')).power.length, 1)
})
