/** HTTP: one route for each path that a row of the contract names. */
import { type Row, table } from '../../protocol/contract.ts'
import type { HttpBinding } from '../../protocol/method.ts'
import { type Fields, fieldsOf } from './input.ts'
import { OWN_ROUTES, type OwnAnswer, type OwnAnswers } from './own-routes.ts'
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
  readonly answer: OwnAnswer
}

export type Route = ContractRoute | OwnRoute

/** The two halves of `GET /health`. */
export const splitRoute = (route: string): [method: string, path: string] => {
  const gap = route.indexOf(' ')
  return [route.slice(0, gap), route.slice(gap + 1)]
}

/** All routes: the contract's, and the edge's own with their answers. */
export const createRoutes = (answers: OwnAnswers): Router<Route> => {
  const router = new Router<Route>()
  for (const name of Object.keys(OWN_ROUTES) as (keyof OwnAnswers)[]) {
    router.add(...splitRoute(name), { kind: 'own', name, answer: answers[name] })
  }
  for (const row of table) {
    for (const binding of row.http ?? []) {
      router.add(...splitRoute(binding.route), { kind: 'contract', name: binding.route, row, binding, fields: fieldsOf(row) })
    }
  }
  return router
}
