/** The edge's description of itself: for machines and for people. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { packageRoot } from '../../services/runtime/package-root.ts'
import { docsHeaders, renderDocs } from './docs.ts'
import { createOpenApi, type Package } from './openapi.ts'
import type { OwnAnswers } from './own-routes.ts'
import { schemeOf } from './source.ts'

const readManifest = (): Package =>
  JSON.parse(readFileSync(path.join(packageRoot(import.meta.url), 'package.json'), 'utf8')) as Package

/** The version of Switchboard. */
export const versionOfUs = (): string => readManifest().version

/** Builds the answers of the routes that describe the others. The contract does not change while we run, and so neither do they. */
export const createDocuments = (): Pick<OwnAnswers, 'GET /openapi.json' | 'GET /docs'> => {
  const document = createOpenApi(readManifest())
  const body = JSON.stringify(document)
  const headers = docsHeaders()
  return {
    'GET /openapi.json': () => ({ body }),
    // By the name under which the reader sees us, so that what is copied from the page works.
    'GET /docs': (exchange) => ({
      headers,
      body: renderDocs(document, `${schemeOf(exchange)}://${exchange.header('host')}`),
    }),
  }
}
