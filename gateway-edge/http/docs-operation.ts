/** One operation of the description as a piece of the page. */
import { fieldTable, sampleOf, schemaTable, typeOf } from './docs-schema.ts'
import { type Html, html, prose } from './html.ts'
import { type Document, type Operation, type Response, resolve, type Schema } from './openapi-document.ts'

/** An operation and where it is. */
export interface Place {
  readonly verb: string
  readonly path: string
  readonly operation: Operation
}

export const badge = (verb: string): Html => html`<span class="verb ${verb}">${verb.toUpperCase()}</span>`

const RETRY = { never: 'no', later: 'yes, later', after_reading: 'after a look at what changed' } as const

type ErrorRow = NonNullable<Response['x-errors']>[number] & { readonly status: string }

/** The codes that stand in responses, with their statuses. */
export const errorRows = (responses: Iterable<readonly [status: string, Response]>): readonly ErrorRow[] =>
  [...responses].flatMap(([status, response]) => (response['x-errors'] ?? []).map((error) => ({ status, ...error })))

export const errorTable = (rows: readonly ErrorRow[]): Html => html`<div class="wide"><table class="errors">
<thead><tr><th scope="col">status</th><th scope="col">code</th><th scope="col">meaning</th><th scope="col">again?</th></tr></thead>
<tbody>${rows.map(
  ({ status, code, meaning, retry }) =>
    html`<tr><td>${status}</td><th scope="row"><code>${code}</code></th><td>${meaning}</td><td class="again">${RETRY[retry]}</td></tr>`,
)}</tbody></table></div>`

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** A command that asks for this. It can be pasted into a shell. */
export const curlOf = (document: Document, { verb, path, operation }: Place, base: string): string => {
  const sampleFor = (name: string): string => {
    const parameter = operation.parameters?.find((candidate) => candidate.name === name)
    return String(sampleOf(name, parameter?.schema ?? {}))
  }
  const asked = (operation.parameters ?? []).filter((parameter) => parameter.in === 'query' && parameter.required === true)
  const query = asked.map(({ name }) => `${name}=${encodeURIComponent(sampleFor(name))}`).join('&')
  const target =
    base +
    path.replace(/\{(\w+)\}/g, (_all, name: string) => encodeURIComponent(sampleFor(name))) +
    (query === '' ? '' : `?${query}`)
  const streams = Object.values(operation.responses).some(
    (response) => 'content' in response && response.content?.['text/event-stream'] !== undefined,
  )
  const words = ['curl', streams ? '-N' : '-s']
  const schema = operation.requestBody?.content['application/json']?.schema
  const body = schema === undefined ? undefined : resolve<Schema>(document, schema)
  const { properties = {}, required = [] } = (body ?? {}) as {
    readonly properties?: Readonly<Record<string, Schema>>
    readonly required?: readonly string[]
  }
  // With a body curl posts by itself, without one it gets.
  if (verb !== (required.length === 0 ? 'get' : 'post')) words.push('-X', verb.toUpperCase())
  words.push(/^[\w:/.@%-]+$/.test(target) ? target : quote(target))
  if (required.length > 0) {
    const sample = Object.fromEntries(required.map((name) => [name, sampleOf(name, properties[name] ?? {})]))
    words.push('\\\n  -H', quote('content-type: application/json'), '-d', quote(JSON.stringify(sample)))
  }
  return words.join(' ')
}

const parametersOf = (operation: Operation): Html | undefined => {
  const table = fieldTable((operation.parameters ?? []).map(({ in: place, ...rest }) => ({ ...rest, place })))
  return table && html`<h4>Parameters</h4>${table}`
}

const bodyOf = (document: Document, operation: Operation): Html | undefined => {
  const schema = operation.requestBody?.content['application/json']?.schema
  return schema && html`<h4>Body</h4>${schemaTable(document, schema)}`
}

const contentOf = (document: Document, [type, { schema }]: readonly [string, { readonly schema: Schema }]): Html => {
  const told = (schema.contentSchema as Schema | undefined) ?? schema
  const inner = resolve<Schema>(document, told)
  const { description } = resolve<Schema>(document, (inner.items as Schema | undefined) ?? inner) as { description?: string }
  // What a stream holds is told in words already.
  const isList = inner.type === 'array' && told === schema
  return html`<span class="media">${type}</span>${isList ? html` <span class="limit">${typeOf(inner)}</span>` : undefined}
${description === undefined ? undefined : html`<p>${prose(description)}</p>`}${schemaTable(document, told)}`
}

const answersOf = (document: Document, answers: readonly (readonly [string, Response])[]): Html => html`<h4>Answers</h4>
${answers.map(
  ([status, { description, content = {}, headers = {} }]) => html`<div class="answer">
<p><span class="status">${status}</span> ${prose(description)}${Object.keys(headers).map((name) => html` <code>${name}</code>`)}</p>
${Object.entries(content).map((entry) => contentOf(document, entry))}
</div>`,
)}`

/** The operation with all that is to be known of it. */
export const operationSection = (document: Document, place: Place, base: string): Html => {
  const { verb, path, operation } = place
  const responses = Object.entries(operation.responses).map(
    ([status, response]) => [status, resolve(document, response)] as const,
  )
  const isError = ([, response]: readonly [string, Response]): boolean => response.headers?.['X-Call-Id'] !== undefined
  const errors = errorRows(responses.filter(isError))
  const statuses = responses.filter(isError).map(([status]) => html` <span class="status error">${status}</span>`)
  return html`<article id="${operation.operationId}">
<h3><a href="#${operation.operationId}">${badge(verb)} <code>${path}</code></a>${
    operation.security?.length === 0 ? html` <span class="open">no token needed</span>` : undefined
  }</h3>
<p class="summary">${prose(operation.summary)}.</p>
${operation.description === undefined ? undefined : html`<p>${prose(operation.description)}</p>`}
${parametersOf(operation)}
${bodyOf(document, operation)}
${answersOf(
  document,
  responses.filter((entry) => !isError(entry)),
)}
<details><summary>Errors${statuses}</summary>${errorTable(errors)}</details>
<pre><code>${curlOf(document, place, base)}</code></pre>
</article>`
}
