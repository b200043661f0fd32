/** That the list of doors is complete: a path that the edge's sources know and the list does not is a door nobody tries. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitRoute } from '../../gateway-edge/http/routes.ts'
import { table } from '../../protocol/contract.ts'
import { codeOf, sourceFiles } from '../source-tree.ts'
import { everyDoor, exampleOf, namesIn } from './doors.ts'

test('doors - every path that the sources of the edge name is a door that is tried', () => {
  const known = new Set(everyDoor().flatMap(({ route }) => [route, splitRoute(route)[1]]))
  const named = sourceFiles()
    .filter((file) => /^gateway-edge\/.*\.ts$/.test(file))
    .flatMap((file) =>
      [...codeOf(file).matchAll(/['"`]((?:[A-Z]+ )?\/[A-Za-z][\w./{}-]*)['"`]/g)].map(([, path = '']) => ({ file, path })),
    )
  assert.ok(named.length > 20, 'paths are found in the sources')
  assert.deepEqual(
    named.filter(({ path }) => !known.has(path)),
    [],
    'add it to the tables of the edge, or to everyDoor()',
  )
})

test('doors - for each route of the contract there is an example that the contract takes', () => {
  for (const row of table) {
    for (const { route } of row.http ?? []) {
      const { error } = row.input.safeParse(exampleOf(row, namesIn(route)))
      assert.equal(error, undefined, `${route}: give its fields an example (.meta({ examples })): ${error?.message}`)
    }
  }
})
