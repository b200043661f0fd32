/** All services, and the one flat table that every surface walks. */
import { history } from './history.ts'
import type { MethodSpec, ServiceSpec } from './method.ts'
import { sessions } from './sessions.ts'

export const contract = { sessions, history } as const satisfies Record<string, ServiceSpec>

export type ServiceName = keyof typeof contract

/** A method with its place in the contract: `sessions.send`. */
export interface Row extends MethodSpec {
  readonly name: string
  readonly service: ServiceName
  readonly verb: string
}

export const table: readonly Row[] = (Object.keys(contract) as ServiceName[]).flatMap((service) =>
  Object.entries(contract[service].methods).map(([verb, spec]) => ({
    name: `${service}.${verb}`,
    service,
    verb,
    ...(spec as MethodSpec),
  })),
)

const byName: ReadonlyMap<string, Row> = new Map(table.map((row) => [row.name, row]))

/** The row of a method by its contract name, or undefined. */
export const rowOf = (name: string): Row | undefined => byName.get(name)
