/** What the edge says of itself and of what stands behind it, over HTTP: it answers when all else is silent. */
import { Failure } from './failure.ts'

export interface Health {
  readonly uptime_seconds: number
  readonly adapter: 'uws' | 'node'
  readonly services: Readonly<Record<string, 'up' | 'down'>>
  readonly agent: { readonly kind: 'demo' | 'claude'; readonly version: string | null; readonly problem: string | null }
}

export const readHealth = async (signal: AbortSignal): Promise<Health> => {
  const response = await fetch('/health', { signal }).catch(() => {
    throw new Failure('offline', 'Switchboard cannot be reached')
  })
  if (!response.ok) throw new Failure('internal', `The edge answered ${response.status}`)
  return (await response.json()) as Health
}
