/** Somebody who has the token and asks by every surface: HTTP, the WebSocket, `/mcp`. All that is answered and told is kept. */

import { TOPICS } from '../../gateway-edge/live/topics.ts'
import { MCP_PATH } from '../../gateway-edge/mcp/mount.ts'
import { connect } from '../gateway-edge/live-client.ts'
import { bearer } from '../gateway-edge/plain-request.ts'
import type { Scope } from '../harness.ts'

export interface Reply {
  /** Who has answered: `GET /path`, `ws service.verb`, `mcp name_of_tool`. */
  readonly route: string
  /** Of HTTP; of a call over the WebSocket that has failed, its code there. */
  readonly status: number
  readonly text: string
}

export interface Asking {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

export interface Asker {
  /** Every answer so far, those of HTTP with their headers. */
  readonly replies: readonly Reply[]
  /** With the right token, unless the headers say otherwise. @param route `GET /path` */
  ask(route: string, asking?: Asking): Promise<Reply>
  /** Over the WebSocket. */
  call(method: string, params: object): Promise<Reply>
  /** To the MCP server behind the edge: `tools/list`, or `tools/call`, which is kept under the tool's name. */
  mcp(method: string, params: { readonly name?: string; readonly arguments?: object }): Promise<Reply>
  /** All that the WebSocket was told between its answers: each topic, and the events of turns that it follows; a line each. */
  told(): string
}

/** @param token the right one */
export const openAsker = async (t: Scope, url: string, token: string): Promise<Asker> => {
  const replies: Reply[] = []
  const keep = (reply: Reply): Reply => {
    replies.push(reply)
    return reply
  }
  const request = async (method: string, target: string, { headers = {}, body }: Asking): Promise<Omit<Reply, 'route'>> => {
    const response = await fetch(url + target, {
      method,
      redirect: 'manual',
      headers: { ...bearer(token), 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    // A cookie is a secret of its own and no canary.
    return { status: response.status, text: `${JSON.stringify([...response.headers])}\n${await response.text()}` }
  }
  const live = await connect(t, Number(new URL(url).port), bearer(token))
  await live.call('topics.subscribe', { topics: TOPICS })
  return {
    replies,
    ask: async (route, asking = {}) => {
      const [method = '', target = ''] = route.split(' ')
      return keep({ route: `${method} ${target.split('?')[0]}`, ...(await request(method, target, asking)) })
    },
    call: async (method, params) => {
      const answer = await live.ask(method, params)
      return keep({ route: `ws ${method}`, status: answer.error?.code ?? 200, text: JSON.stringify(answer) })
    },
    mcp: async (method, params) => {
      const headers = { accept: 'application/json, text/event-stream' }
      const body = { jsonrpc: '2.0', id: 1, method, params }
      return keep({ route: `mcp ${params.name ?? method}`, ...(await request('POST', MCP_PATH, { headers, body })) })
    },
    told: () =>
      live
        .told()
        .map((one) => JSON.stringify(one))
        .join('\n'),
  }
}
