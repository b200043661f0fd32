/** The panel's way in: the token once, then a cookie that is not the token. */
import type { Exchange } from '../server/server.ts'
import type { Guard } from './guard.ts'
import { decodeInput, type Fields } from './input.ts'
import type { OwnAnswers } from './own-routes.ts'

export interface LoginDeps {
  /** Asked for when a request is there: a guard is made when the port is known. */
  readonly guard: () => Guard
  readonly readBody: (exchange: Exchange) => Promise<Uint8Array>
}

const FIELDS: Fields = new Map([['token', { kind: 'string', required: true }]])

/** Builds the answers of logging in and out. */
export const createLogin = ({ guard, readBody }: LoginDeps): Pick<OwnAnswers, 'POST /api/login' | 'POST /api/logout'> => ({
  'POST /api/login': async (exchange) => {
    const login = guard().prepareLogin(exchange)
    const body = await readBody(exchange)
    return login(decodeInput(FIELDS, { params: {}, query: '', body }).value.token)
  },
  'POST /api/logout': (exchange) => guard().logout(exchange),
})
