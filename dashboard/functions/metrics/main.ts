/** The function `api/metrics` as Vercel starts it. */
import { toListener } from '../listener.ts'
import { createMetrics } from '../metrics.ts'

export default toListener(createMetrics({ connection: process.env.EDGE_CONFIG }))
