/** Which server the edge speaks HTTP with. */
import { openNodeServer } from './node.ts'
import type { OpenServer } from './server.ts'
import { loadUws, openUwsServer } from './uws.ts'

/** What the owner may ask for. */
export const ADAPTERS = ['auto', 'uws', 'node'] as const
export type Adapter = (typeof ADAPTERS)[number]

const loads = (load: () => unknown): boolean => {
  try {
    load()
    return true
  } catch {
    return false
  }
}

/** The server that was asked for; with `auto` uWebSockets.js wherever it has a binary that loads, node:http elsewhere. */
export const chooseServer = (adapter: Adapter, load: () => unknown = loadUws): OpenServer => {
  if (adapter === 'auto') return loads(load) ? openUwsServer : openNodeServer
  return adapter === 'uws' ? openUwsServer : openNodeServer
}
