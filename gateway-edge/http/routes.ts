/** HTTP: one route for each path that a row of the contract names. */
import { type Row, table } from '../../protocol/contract.ts'
import type { HttpBinding } from '../../protocol/method.ts'
import { type Fields, fieldsOf } from './input.ts'
import { Router } from './router.ts'

/** What a path of the contract leads to. */
export interface ContractRoute {
  readonly kind: 'contract'
  /** As the contract writes it; for the log. */
  readonly name: string
  readonly row: Row
  readonly binding: HttpBinding
  readonly fields: Fields
}

/** What the edge answers by itself. */
export interface OwnRoute {
  readonly kind: 'own'
  readonly name: string
  readonly answer: () => Promise<string>
}

export type Route = ContractRoute | OwnRoute

const split = (route: string): [method: string, path: string] => {
  const gap = route.indexOf(' ')
  return [route.slice(0, gap), route.slice(gap + 1)]
}

/** All routes: the contract's, and the edge's own as `{ 'GET /health': answer }`. */
export const createRoutes = (own: Readonly<Record<string, () => Promise<string>>>): Router<Route> => {
  const router = new Router<Route>()
  for (const [name, answer] of Object.entries(own)) router.add(...split(name), { kind: 'own', name, answer })
  for (const row of table) {
    for (const binding of row.http ?? []) {
      router.add(...split(binding.route), { kind: 'contract', name: binding.route, row, binding, fields: fieldsOf(row) })
    }
  }
  return router
}
