import { getEventListeners } from 'node:events'

/**
 * How many listeners and children (`AbortSignal.any`) a signal keeps. Node.js shows children to nobody but under a symbol of its
 * own; where it has none, none are counted.
 */
export const keptBy = (signal: AbortSignal): number => {
  const symbol = Object.getOwnPropertySymbols(signal).find(({ description }) => description === 'kDependantSignals')
  const children = symbol === undefined ? undefined : (signal as unknown as Record<symbol, Set<unknown> | undefined>)[symbol]
  return getEventListeners(signal, 'abort').length + (children?.size ?? 0)
}
