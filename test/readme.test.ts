/** What the documents promise is there. */
import assert from 'node:assert/strict'
import { accessSync, constants } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands } from '../cli/commands.ts'
import { curlLine } from '../cli/summary.ts'
import { OWN_ROUTES } from '../gateway-edge/http/own-routes.ts'
import { table } from '../protocol/contract.ts'
import { root, sourceFiles, textOf } from './source-tree.ts'

const readme = textOf('README.md')

test('readme - its curl line is the one that `up` prints', () => {
  assert.ok(readme.includes(curlLine('http://127.0.0.1:8000')))
})

test('readme - every npm script that is told of exists and calls a command that exists', () => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> }
  const documents = ['README.md', 'CONTRIBUTING.md', 'docs/operations.md'].map(textOf).join('\n')
  const told = [...documents.matchAll(/npm (?:run )?(start|stop|test|(?<=run )[a-z]+)\b/g)].map(([, name = '']) => name)
  assert.ok(told.length > 5)
  assert.deepEqual(
    told.filter((name) => !Object.hasOwn(scripts, name)),
    [],
  )
  const called = Object.values(scripts).flatMap((script) => /switchboard\.mjs (\w+)/.exec(script)?.[1] ?? [])
  assert.deepEqual(
    called.filter((name) => !Object.hasOwn(commands, name)),
    [],
  )
})

test('readme - every setting of its table stands in .env.example', () => {
  const known = textOf('.env.example')
  const told = [...readme.matchAll(/^\| `([A-Z][A-Z0-9_]+)`/gm)].map(([, name = '']) => name)
  assert.ok(told.length > 5)
  assert.deepEqual(
    told.filter((name) => !known.includes(`${name}=`)),
    [],
  )
})

test('readme - the HTTP document lists the paths of the contract and no other', () => {
  const told = [...textOf('docs/http.md').matchAll(/^\| `(GET|POST|PUT|DELETE) ([^`?]+)/gm)].map(
    ([, verb, path]) => `${verb} ${path}`,
  )
  const own = Object.keys(OWN_ROUTES)
  const declared = table.flatMap((row) => (row.http ?? []).map(({ route }) => route))
  assert.deepEqual(told.map((route) => route.replace(/, same body$/, '')).sort(), [...new Set([...own, ...declared])].sort())
})

test('readme - every document and file that is named in a comment or a document is there', () => {
  const files = sourceFiles()
  const naming = files.filter((file) => /\.(ts|mjs|js|md|sql|sh)$/.test(file) && !file.startsWith('test/'))
  const named = naming.flatMap((file) =>
    [...textOf(file).matchAll(/`((?:[\w-]+\/)*[\w-]+\.md)\b/g)].map(([, name = '']) => ({ file, name })),
  )
  assert.deepEqual(
    named.filter(
      ({ name }) =>
        !files.some((file) => file === name || file.endsWith(`/${name}`)) && !/^(global-memory|result|progress)\.md$/.test(name),
    ),
    [],
  )
})

test('readme - the program that `npx switchboard` calls may be executed', () => {
  const { bin } = JSON.parse(textOf('package.json')) as { bin: Record<string, string> }
  for (const file of Object.values(bin)) assert.doesNotThrow(() => accessSync(join(root, file), constants.X_OK), file)
})
