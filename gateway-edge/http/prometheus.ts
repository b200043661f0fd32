/** What Prometheus scrapes. The numbers are those of metrics, which answers from its last look: a scrape costs nothing else. */
import type { Client } from '../../protocol/method.ts'
import type { metrics } from '../../protocol/metrics.ts'
import type { OwnAnswers } from './own-routes.ts'

/** Builds the answer of `GET /metrics`. It is behind the guard as every route is: Prometheus shows the token as a bearer. */
export const createPrometheus = (source: Pick<Client<typeof metrics>, 'exposition'>): Pick<OwnAnswers, 'GET /metrics'> => ({
  'GET /metrics': async () => {
    const { text, content_type } = await source.exposition({})
    return { headers: { 'content-type': content_type, 'cache-control': 'no-store' }, body: text }
  },
})
