/** `.env.example` and the schemas tell the same: every variable, with the default that holds when it is not set. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { codeOf, root, sourceFiles, textOf } from './source-tree.ts'

/** A line `# NAME=value` (commented: the default) or `NAME=value`, as the example has them. */
const LINE = /^#? ?([A-Z][A-Z0-9_]+)=(.*)$/

const documented = new Map(
  textOf('.env.example')
    .split('\n')
    .flatMap((line) => {
      const [, name, value] = LINE.exec(line) ?? []
      return name === undefined ? [] : [[name, value ?? ''] as const]
    }),
)

/** Files that declare variables: those in which a key in capitals has a schema for its value. */
const declaring = sourceFiles().filter(
  (file) =>
    /^(services|gateway-edge|cli|mcp)\/.*\.ts$/.test(file) &&
    /^\s+[A-Z][A-Z0-9_]{2,}: (z\b|env[A-Z]|Env[A-Z]|[A-Za-z]+[.(])/m.test(codeOf(file)),
)

/** Every variable with its schema, from whatever these files export. */
const declared = async (): Promise<Map<string, z.ZodType>> => {
  const found = new Map<string, z.ZodType>()
  for (const file of declaring) {
    // A main.ts runs when it is imported; what it declares is compared by name in the next test.
    if (file.endsWith('/main.ts')) continue
    const compiled = new URL(`dist/${file.replace(/\.ts$/, '.js')}`, pathToFileURL(`${root}/`))
    const exported = Object.values((await import(compiled.href)) as Record<string, unknown>)
    const schemas = exported.filter((value): value is z.ZodObject => value instanceof z.ZodObject)
    for (const schema of schemas) {
      for (const [name, type] of Object.entries(schema.shape))
        if (/^[A-Z][A-Z0-9_]+$/.test(name)) found.set(name, type as z.ZodType)
    }
  }
  return found
}

const names = (map: ReadonlyMap<string, unknown>): string[] => [...map.keys()].sort()

test('env-example - holds every variable that a schema declares, and no other', async () => {
  assert.ok(declaring.length > 0)
  assert.deepEqual(names(documented), names(await declared()))
})

test('env-example - every name that stands in a schema file is declared by what the file exports', async () => {
  const all = await declared()
  const written = declaring.flatMap((file) =>
    [...codeOf(file).matchAll(/^\s+([A-Z][A-Z0-9_]{2,}): /gm)].map(([, name = '']) => name),
  )
  assert.deepEqual(
    written.filter((name) => !all.has(name)),
    [],
  )
})

test('env-example - tells the default that holds', async () => {
  for (const [name, schema] of await declared()) {
    const shown = documented.get(name) ?? ''
    const unset = schema.safeParse(undefined)
    const fallback = unset.success ? unset.data : undefined
    if (fallback === undefined || fallback === '') {
      assert.equal(shown, '', `${name} has no default`)
      continue
    }
    const given = schema.safeParse(shown)
    assert.ok(given.success, `${name}=${shown} is accepted`)
    assert.deepEqual(given.data, fallback, `${name}=${shown} is the default`)
  }
})
