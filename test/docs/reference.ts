/** `docs/reference.md`, made from the contract: every method on every surface, every topic, every shape, every error. */
import type { Schema } from '../../gateway-edge/http/openapi-document.ts'
import { createSchemas } from '../../gateway-edge/http/openapi-schemas.ts'
import { DEFAULT_TIMEOUT_MS } from '../../protocol/client.ts'
import { contract, type Row, SERVICE_NAMES, table } from '../../protocol/contract.ts'
import { ALWAYS_PUBLIC, ERRORS } from '../../protocol/errors.ts'
import type { HttpBinding, ServiceSpec } from '../../protocol/method.ts'
import { typeOf } from './type-words.ts'

const HEAD = `# Reference

Every method of the contract with its fields, as each surface shows it. \`docs/http.md\`, \`docs/websocket.md\` and \`docs/mcp.md\` tell how to ask; the running edge has the same at \`/docs\` with examples.
This page is made from \`protocol/\`; \`npm run docs\` writes it.

Names and fields are the same on every surface. A field with a default may be left out. Moments that are numbers are milliseconds since 1970. Beside the errors that stand with a method, any may answer
${[...ALWAYS_PUBLIC].map((code) => `\`${code}\``).join(', ')}. What is *repeated* is asked again by itself when a service restarts meanwhile. The time is how long a caller waits for the service; a method that waits for
news adds that.
`

/** A text as a cell: a bar would end it, and angle brackets would be taken for HTML. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ')

const SHAPES: Readonly<Record<NonNullable<HttpBinding['shape']>, string>> = {
  reply: '',
  await: ', answers when the turn has ended',
  sse: ', a stream of server-sent events',
  events: ', a stream of server-sent events',
  settle: ', answers when it has ended',
  file: ', answers with the file',
}

const routeOf = ({ route, shape = 'reply', status, failure }: HttpBinding): string =>
  `\`${route}\`${status === undefined ? '' : ` → ${status}`}${SHAPES[shape]}${failure === undefined ? '' : ', a refusal is 200 with its reason'}`

const fieldRows = (schema: Schema): string[] => {
  const required = (schema.required ?? []) as string[]
  return Object.entries((schema.properties ?? {}) as Record<string, Schema>).map(([name, field]) => {
    const { default: fallback, description = '' } = field as { default?: unknown; description?: string }
    const need = fallback !== undefined ? `\`${JSON.stringify(fallback)}\`` : required.includes(name) ? 'always' : 'may be absent'
    return `| \`${name}\` | ${cell(typeOf(field))} | ${cell(need)} | ${cell(description)} |`
  })
}

const fields = (heading: string, schema: Schema): string[] => {
  const rows = fieldRows(schema)
  if (rows.length > 0) return ['', `| ${heading} | type | default | |`, '|---|---|---|---|', ...rows]
  const { properties } = schema as { properties?: object }
  return ['', properties === undefined ? `${heading}: ${cell(typeOf(schema))}` : `${heading}: nothing`]
}

const surfacesOf = (row: Row): string => {
  const http = (row.http ?? []).map(routeOf)
  const others = [
    row.ws ? `WebSocket \`${row.name}\`` : null,
    row.mcp === undefined ? null : `MCP \`${row.mcp}\``,
    row.follow === undefined ? null : `followed by \`${row.service}.${row.follow.method}\``,
  ]
  const all = [...http, ...others.flatMap((each) => each ?? [])]
  return all.length === 0 ? 'Between services only' : all.join(' · ')
}

const methodLines = (row: Row, of: ReturnType<typeof createSchemas>['of']): string[] => {
  const errors = (row.errors ?? []).map((code) => `\`${code}\``)
  const seconds = (row.timeout_ms ?? DEFAULT_TIMEOUT_MS) / 1_000
  return [
    '',
    `### ${row.name}`,
    '',
    `${cell(row.summary)}.`,
    '',
    surfacesOf(row),
    '',
    `Time: ${seconds} s${row.idempotent ? ', repeated' : ''}. Errors: ${errors.length === 0 ? 'none of its own' : errors.join(', ')}.`,
    ...fields('input', of(row.input, 'input')),
    ...fields('output', of(row.output, 'output')),
  ]
}

const topicLines = (of: ReturnType<typeof createSchemas>['of']): string[] =>
  SERVICE_NAMES.flatMap((service) =>
    Object.entries((contract[service] as ServiceSpec).topics).flatMap(([verb, { summary, payload }]) => [
      '',
      `### ${service}.${verb}`,
      '',
      `${cell(summary)}.`,
      ...fields('payload', of(payload, 'output')),
    ]),
  )

export const renderReference = (): string => {
  const { of, named } = createSchemas()
  const methods = SERVICE_NAMES.flatMap((service) => [
    '',
    `## ${service}`,
    '',
    `${(contract[service] as ServiceSpec).summary ?? ''}.`,
    ...table.filter((row) => row.service === service).flatMap((row) => methodLines(row, of)),
  ])
  const topics = topicLines(of)
  const shapes = Object.entries(named)
    .sort(([a], [b]) => a.localeCompare(b, 'en'))
    .flatMap(([name, schema]) => ['', `### ${name}`, ...fields('field', schema)])
  return [
    HEAD.trimEnd(),
    ...methods,
    '',
    '## Topics',
    '',
    'Hints over WebSocket (`topics.subscribe`): whoever must not miss anything asks the owner.',
    ...topics,
    '',
    '## Shapes',
    ...shapes,
    '',
    '## Errors',
    '',
    '| code | meaning | HTTP | again |',
    '|---|---|---|---|',
    ...Object.entries(ERRORS).map(
      ([code, { meaning, status, retry }]) => `| \`${code}\` | ${cell(meaning)} | ${status} | ${retry.replaceAll('_', ' ')} |`,
    ),
    '',
  ].join('\n')
}
