/**
 * The description for people: one page that loads nothing. It has no script, so its policy allows none; its one style sheet
 * is let in by its hash.
 */
import { createHash } from 'node:crypto'
import { badge, errorRows, errorTable, operationSection, type Place } from './docs-operation.ts'
import { schemaAnchor, schemaTable, typeOf } from './docs-schema.ts'
import { STYLE } from './docs-style.ts'
import { Html, html, prose } from './html.ts'
import type { Document, Schema } from './openapi-document.ts'

const VERBS = ['get', 'post', 'put', 'delete']

/** What a browser may do with the page. */
export const docsHeaders = (): Readonly<Record<string, string>> => {
  const style = createHash('sha256').update(STYLE).digest('base64')
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  }
}

const placesOf = (document: Document): readonly Place[] =>
  Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations)
      .filter(([verb]) => VERBS.includes(verb))
      .map(([verb, operation]) => ({ verb, path, operation })),
  )

const withTag = (places: readonly Place[], tag: string): readonly Place[] =>
  places.filter(({ operation }) => operation.tags.includes(tag))

/** Schemas that others speak of; those that are one body or one answer stand there. */
const sharedSchemas = ({ components: { schemas } }: Document): readonly [string, Schema][] => {
  const text = JSON.stringify(schemas)
  return Object.entries(schemas).filter(([name]) => text.includes(`"#/components/schemas/${name}"`))
}

/** A path that may be broken behind its slashes. */
const breakable = (path: string): Html => html`${path.split(/(?<=\/)/).map((part) => html`${part}<wbr>`)}`

const navigation = (document: Document, places: readonly Place[]): Html =>
  html`${document.tags.map(
    ({ name }) =>
      html`<p><a href="#tag-${name}">${name}</a></p><ul>${withTag(places, name).map(
        ({ verb, path, operation }) =>
          html`<li><a href="#${operation.operationId}">${badge(verb)} <span>${breakable(path)}</span></a></li>`,
      )}</ul>`,
  )}<p><a href="#errors">errors</a></p><p><a href="#schemas">schemas</a></p>`

const errorsSection = (document: Document): Html => {
  const { responses, schemas } = document.components
  const rows = errorRows(Object.entries(responses).map(([name, response]) => [name.slice(0, 3), response] as const))
  const once = rows.filter((row, index) => rows.findIndex(({ code }) => code === row.code) === index)
  const sorted = once.sort((one, other) => Number(one.status) - Number(other.status) || one.code.localeCompare(other.code))
  return html`<section id="errors"><h2>errors</h2>
<p>Every error has one of these bodies, and the header <code>X-Call-Id</code>. Beside them there are 404 for a path that is not known, 405 for a
method that a path does not have, 415 for a body that is not JSON, and 307 from a path with a slash too many.</p>
${schemas.ErrorReply && schemaTable(document, schemas.ErrorReply)}
<p>With status 422 <code>detail</code> is a list of faults, or a sentence where no field is to blame:</p>
${schemas.Fault && schemaTable(document, schemas.Fault)}
${errorTable(sorted)}</section>`
}

const schemasSection = (document: Document): Html => html`<section id="schemas"><h2>schemas</h2>
${sharedSchemas(document).map(
  ([name, schema]) => html`<article id="${schemaAnchor(name)}"><h3><code>${name}</code></h3>
${schemaTable(document, schema) ?? html`<p class="type">${typeOf(schema)}</p>`}</article>`,
)}</section>`

/** Renders the page. `base`: the scheme and host under which the reader sees us. */
export const renderDocs = (document: Document, base: string): string => {
  const { info, tags } = document
  const places = placesOf(document)
  const links = navigation(document, places)
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${info.title} ${info.version}: HTTP</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<nav class="side" aria-label="Routes"><p class="name">${info.title}</p>${links}</nav>
<main id="main">
<header>
<h1>${info.title} <span class="version">${info.version}</span></h1>
${info.description.split('\n\n').map((text) => html`<p>${prose(text)}</p>`)}
<p>Where a token is set, show it: <code>-H "Authorization: Bearer $GATEWAY_TOKEN"</code>, or as password of Basic, or log in. For machines: <a href="/openapi.json">openapi.json</a>.</p>
</header>
<details class="menu"><summary>Routes</summary><nav aria-label="Routes">${links}</nav></details>
${tags.map(
  ({ name, description }) => html`<section id="tag-${name}"><h2>${name}</h2>
${description === undefined ? undefined : html`<p class="about">${prose(description)}.</p>`}
${withTag(places, name).map((place) => operationSection(document, place, base))}
</section>`,
)}
${errorsSection(document)}
${schemasSection(document)}
</main>
</body>
</html>
`.text
}
