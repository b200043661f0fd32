import { parentPort, workerData } from 'node:worker_threads'
import { serveSearches } from './serve.ts'

if (parentPort !== null) serveSearches(parentPort, (workerData as { database: string }).database)
