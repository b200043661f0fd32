/** All services, and the one flat table that every surface walks. */
import { history } from './history.ts'
import { memory } from './memory.ts'
import type { Client, MethodSpec, ServiceSpec } from './method.ts'
import { metrics } from './metrics.ts'
import { reports } from './reports.ts'
import { scheduler } from './scheduler.ts'
import { sessions } from './sessions.ts'
import { upkeep } from './upkeep.ts'

export const contract = { sessions, history, scheduler, memory, metrics, reports } as const satisfies Record<string, ServiceSpec>

export type ServiceName = keyof typeof contract
export const SERVICE_NAMES = Object.keys(contract) as readonly ServiceName[]

/** A client of each service. */
export type Clients = { readonly [N in ServiceName]: Client<(typeof contract)[N]> }

/** @param make gives the client of one service */
export const clientsOf = (make: <N extends ServiceName>(name: N) => Client<(typeof contract)[N]>): Clients =>
  Object.fromEntries(SERVICE_NAMES.map((name) => [name, make(name)])) as unknown as Clients

/** A method with its place in the contract: `sessions.send`. */
export interface Row extends MethodSpec {
  readonly name: string
  readonly service: ServiceName
  readonly verb: string
}

const rowsOf = (service: ServiceName, methods: ServiceSpec['methods']): Row[] =>
  Object.entries(methods).map(([verb, spec]) => ({ name: `${service}.${verb}`, service, verb, ...spec }))

export const table: readonly Row[] = SERVICE_NAMES.flatMap((service) => rowsOf(service, contract[service].methods))

/** What every service answers beside its own (upkeep.ts); no surface walks it. */
const common: readonly Row[] = SERVICE_NAMES.flatMap((service) => rowsOf(service, upkeep))

const byName: ReadonlyMap<string, Row> = new Map([...common, ...table].map((row) => [row.name, row]))

/** The row of a method by its contract name, also of one that every service answers; or undefined. */
export const rowOf = (name: string): Row | undefined => byName.get(name)
