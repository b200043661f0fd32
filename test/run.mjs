/**
 * `npm test`: installs, compiles, lints, runs every test and counts. Words as arguments choose test files by their path;
 * then nothing is linted and no floor is asked for. `--raise-floors` writes the counts of a complete, green run.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { ensureBuilt, ensureInstalled, filesBelow, requireNode, root, SetupError } from '../cli/setup.mjs'

/** For a whole file; above it, it hangs. (Node.js 20 has no limit for a single test that a command line could set.) */
const FILE_LIMIT_MS = 900_000
/** Tests start real processes and mostly wait for them: four files at once keep two cores busy. */
const CONCURRENCY = 4
/** Pages are late for their own clocks on a crowded machine: tests with a browser come by themselves, so many at once. */
const BROWSER = { folders: ['web', 'dashboard'], concurrency: 2 }
const FLOORS = join(root, 'test', 'floors.json')

const title = (text) => console.log(`\n== ${text}`)

const node = (args, env = process.env) =>
  spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env }).status === 0

/** The path of a test below `test/`; Node.js names the compiled file or, by its source map, the source. */
const pathOf = (file) =>
  relative(root, file)
    .replace(/^dist\//, '')
    .replace(/^test\//, '')

/** `services/history/store.test.ts` counts for the area `services/history`. */
const areaOf = (file) => dirname(pathOf(file)).split('/').slice(0, 2).join('/').replace(/^\.$/, 'house')

const prepare = () => {
  try {
    requireNode()
    ensureInstalled()
    ensureBuilt()
    return true
  } catch (error) {
    if (!(error instanceof SetupError)) throw error
    console.error(error.message)
    return false
  }
}

/** Compiled tests that still have a source. */
const testFiles = (words) =>
  filesBelow('test')
    .filter((path) => path.endsWith('.test.ts') && (words.length === 0 || words.some((word) => path.includes(word))))
    .map((path) => join(root, 'dist', path.replace(/\.ts$/, '.js')))
    .sort()

const needsBrowser = (file) => BROWSER.folders.includes(pathOf(file).split('/')[0])

/** All of them, in two runs where both kinds are among them. */
const runTests = (files) => {
  const runs = [
    [files.filter((file) => !needsBrowser(file)), CONCURRENCY],
    [files.filter(needsBrowser), BROWSER.concurrency],
  ]
  const done = runs.filter(([some]) => some.length > 0).map(([some, concurrency]) => runAtOnce(some, concurrency))
  return { green: done.every(({ green }) => green), tests: done.flatMap(({ tests }) => tests) }
}

const runAtOnce = (files, concurrency) => {
  const folder = mkdtempSync(join(tmpdir(), 'switchboard-tally-'))
  const report = join(folder, 'tally')
  const reporters = ['spec', 'stdout', join(root, 'test', 'tally.mjs'), report]
  try {
    const green = node([
      '--enable-source-maps',
      '--test',
      `--test-concurrency=${concurrency}`,
      `--test-timeout=${FILE_LIMIT_MS}`,
      ...reporters.map((value, index) => `--test-reporter${index % 2 === 0 ? '' : '-destination'}=${value}`),
      ...files,
    ])
    const lines = existsSync(report) ? readFileSync(report, 'utf8').split('\n').filter(Boolean) : []
    return { green, tests: lines.map((line) => JSON.parse(line)) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const countByArea = (tests) => {
  const counts = {}
  for (const test of tests) counts[areaOf(test.file)] = (counts[areaOf(test.file)] ?? 0) + 1
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** What is wrong with a complete run beside failed tests. */
const faultsOf = (counts, notRun, empty, floors) => {
  const below = Object.entries(floors).filter(([area, floor]) => (counts[area] ?? 0) < floor)
  return [
    ...below.map(([area, floor]) => `${area}: ${counts[area] ?? 0} tests ran, and there have been ${floor} (test/floors.json)`),
    ...empty.map((test) => `${pathOf(test.file)} holds no test`),
    ...(process.env.CI ? notRun.map((test) => `not run: ${test.name} (${pathOf(test.file)})`) : []),
  ]
}

const main = () => {
  const words = process.argv.slice(2).filter((word) => !word.startsWith('--'))
  const unknown = process.argv.slice(2).filter((word) => word.startsWith('--') && word !== '--raise-floors')
  if (unknown.length > 0) {
    console.error(`There is no option ${unknown.join(', ')}: npm test -- [WORD ...] [--raise-floors]`)
    return 2
  }
  const complete = words.length === 0
  if (!prepare()) return 1
  if (complete) title('Lint')
  const clean =
    !complete || node([join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome'), 'check', '--error-on-warnings', '.'])
  const files = testFiles(words)
  if (files.length === 0) {
    console.error('There is no such test.')
    return 1
  }
  title(`Tests (${files.length} files)`)
  const { green, tests } = runTests(files)
  const empty = tests.filter((test) => test.empty)
  const notRun = tests.filter((test) => test.skip || test.todo)
  const ran = tests.filter((test) => !test.empty && !test.skip && !test.todo)
  const counts = countByArea(ran.filter((test) => test.passed))
  const failed = ran.filter((test) => !test.passed).length
  title('Tests that passed, by area')
  for (const [area, count] of Object.entries(counts)) console.log(`${String(count).padStart(5)}  ${area}`)
  const faults = complete ? faultsOf(counts, notRun, empty, JSON.parse(readFileSync(FLOORS, 'utf8'))) : []
  if (!clean) faults.push('the linter has complaints, see above (npm run format mends most of them)')
  if (ran.length === 0) faults.push('no test ran')
  if (faults.length > 0) title('Not in order')
  for (const fault of faults) console.log(fault)
  const inOrder = green && faults.length === 0
  if (inOrder && complete && process.argv.includes('--raise-floors'))
    writeFileSync(FLOORS, `${JSON.stringify(counts, null, 2)}\n`)
  console.log(`\n${ran.length - failed} passed, ${failed} failed${notRun.length > 0 ? `, ${notRun.length} skipped` : ''}`)
  return inOrder ? 0 : 1
}

process.exitCode = main()
