/** Moving in: settings that hold here are written so that they are read as they were; others are named. */
import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { readSchemas } from '../../cli/import/settings-check.ts'
import { importSettings, knownSettings, settingLine } from '../../cli/import/settings-file.ts'
import { findSource } from '../../cli/import/source.ts'
import { checkLeaks } from '../harness.ts'
import fc from '../property.ts'
import { root, surroundings } from './doctored.ts'
import { oldHouse } from './predecessor.ts'

checkLeaks()

test('import - settings: known ones are written into .env and hold there, others are named, no value is told', async (t) => {
  const house = oldHouse(t)
  const { home } = surroundings(t).settings
  writeFileSync(
    path.join(house.folder, '.env'),
    'GATEWAY_MAX_CLAUDE_PROCESSES=16\nGATEWAY_CLAUDE_TIMEOUT=600\nREPORT_CITY="planted secret#1 here"\nDATABASE_PATH=./x.db\nFOO_SECRET=planted\nLOG_LEVEL=debug\n',
  )
  writeFileSync(path.join(home, '.env'), 'LOG_LEVEL=warn')
  const source = findSource(house.folder, home)
  const dry = await importSettings(source, { home, root }, true)
  assert.equal(readFileSync(path.join(home, '.env'), 'utf8'), 'LOG_LEVEL=warn')
  const tally = await importSettings(source, { home, root }, false)
  assert.deepEqual([tally.found, tally.taken, tally.known, tally.refused.length], [6, 2, 2, 2])
  assert.doesNotMatch(JSON.stringify([dry, tally]), /planted/)
  const written = readFileSync(path.join(home, '.env'), 'utf8')
  assert.match(written, /^LOG_LEVEL=warn\n# From .*\nGATEWAY_MAX_CLAUDE_PROCESSES=16\nREPORT_CITY='planted secret#1 here'\n$/)
  assert.equal(statSync(path.join(home, '.env')).mode & 0o077, 0)
  assert.equal((await importSettings(source, { home, root }, false)).taken, 0)
})

test('import - settings: what a service would refuse to start with is not written, with the reason; what only goes together, neither', async (t) => {
  const house = oldHouse(t)
  const { home } = surroundings(t).settings
  const wrong = {
    METRICS_SECRET: 'planted',
    REPORT_SENDER: 'Planted <planted@example.org>',
    GATEWAY_SESSION_TIMEOUT: '0',
    MCB_MCP_TIMEOUT: 'planted',
    BACKUP_KEEP: '-1',
    EDGE_MAX_MEMORY: 'planted',
    // Nobody else may be let in without a token, and this is none.
    GATEWAY_HOST: '0.0.0.0',
    GATEWAY_TOKEN: 'planted',
  }
  const lines = Object.entries({ ...wrong, GATEWAY_PORT: '8001' }).map(([name, value]) => `${name}='${value}'\n`)
  writeFileSync(path.join(house.folder, '.env'), lines.join(''))
  const source = findSource(house.folder, home)
  const dry = await importSettings(source, { home, root }, true)
  const tally = await importSettings(source, { home, root }, false)
  assert.deepEqual(tally.refused.map((line) => line.split(':')[0]).sort(), Object.keys(wrong).sort())
  assert.deepEqual(tally.refused, dry.refused)
  assert.match(tally.refused.join('\n'), /METRICS_SECRET: must have at least 16 characters; write/)
  assert.doesNotMatch(JSON.stringify(tally), /planted/i)
  assert.deepEqual({ ...parseEnv(readFileSync(path.join(home, '.env'), 'utf8')) }, { GATEWAY_PORT: '8001' })
})

test('import - settings: every one is judged by some schema', async () => {
  const judged = new Set((await readSchemas()).flatMap(({ shape }) => Object.keys(shape)))
  assert.deepEqual(
    [...knownSettings(root).keys()].filter((name) => !judged.has(name)),
    [],
  )
})

/** More than one line; or both quotes that take everything as it is, and something that double quotes do not. */
const isUnwritable = (value: string): boolean =>
  /[\r\n]/.test(value) || (value.includes("'") && value.includes('`') && /["\\]/.test(value))

test('import - settings: what is written is read as it was, whatever it holds; what cannot be written is refused', () => {
  const letters = fc.constantFrom('a', '=', ' ', '#', '"', "'", '`', '\\', 'n', '$', '{', '}', '\t', 'é', '日')
  const values = fc.array(fc.oneof(fc.string({ unit: letters }), fc.string()), { maxLength: 6 })
  fc.assert(
    fc.property(values, (given) => {
      const written = new Map<string, string>()
      const lines: string[] = []
      for (const [index, value] of given.entries()) {
        const line = settingLine(`N${index}`, value)
        if (line === null) assert.ok(isUnwritable(value), JSON.stringify(value))
        else {
          lines.push(line)
          written.set(`N${index}`, value)
        }
      }
      assert.deepEqual({ ...parseEnv(`${lines.join('\n')}\nLAST=1\n`) }, { ...Object.fromEntries(written), LAST: '1' })
    }),
    { numRuns: 500 },
  )
})
