/** Calls of the contract, as a connection makes them: the rows that show themselves there, by their names. */
import { randomUUID } from 'node:crypto'
import { type Row, type ServiceName, table } from '../../protocol/contract.ts'
import { ERRORS, ServiceError } from '../../protocol/errors.ts'
import type { CallOptions } from '../../protocol/method.ts'
import { begin } from '../http/begin.ts'
import type { SendDeps, SendInput } from '../http/send.ts'
import type { Authorise } from '../http/speakers.ts'
import { CODES, RpcError } from './json-rpc.ts'

const ROWS: ReadonlyMap<string, Row> = new Map(table.filter(({ ws }) => ws === true).map((row) => [row.name, row]))

/** The row of a method that is shown here. */
export const shownRow = (name: string): Row | undefined => ROWS.get(name)

export type Params = Readonly<Record<string, unknown>>

export interface CallsDeps {
  readonly clients: Readonly<Record<ServiceName, object>>
  readonly sending: SendDeps
  readonly authorise: Authorise
}

export interface CallAbout {
  readonly call_id: string
  readonly signal: AbortSignal
}

/** Makes calls. Throws what the service answers. */
export type Calls = (row: Row, params: Params, about: CallAbout) => Promise<unknown>

/** Settles as `promise` does, or fails as soon as the signal aborts. */
const unlessAborted = <T>(promise: Promise<T>, signal: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const leave = (): void => reject(new ServiceError('cancelled'))
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })

/** Whether nobody knows whether a call that failed so was done. */
const isOpen = (error: unknown): error is ServiceError =>
  error instanceof ServiceError && (ERRORS[error.code].retry === 'later' || error.code === 'cancelled')

/**
 * Begins a turn. Where the client gave no key the edge makes one, so that its own repeats are the same turn; when it has to
 * give up, it tells the key, with which the client may go on asking.
 */
const beginTurn = async (deps: SendDeps, params: Params, { call_id, signal }: CallAbout): Promise<unknown> => {
  // What a client says of responses is not believed: only an edge gives them.
  const input: Params = { idempotency_key: randomUUID(), ...params, response: undefined }
  const asker = {
    get closed() {
      return signal.aborted
    },
  }
  try {
    const send = (whole: SendInput) => deps.client.send(whole, { call_id })
    return (await unlessAborted(begin(deps, asker, input as unknown as SendInput, send), signal)).output
  } catch (error) {
    if (!isOpen(error)) throw error
    const { code, message } = error
    const data = { code, retry: ERRORS[code].retry, idempotency_key: input.idempotency_key }
    throw new RpcError(CODES.ours, message, { data })
  }
}

/** Builds what makes the calls. */
export const createCalls = ({ clients, sending, authorise }: CallsDeps): Calls => {
  type Verb = (input: unknown, options: CallOptions) => Promise<unknown>
  return async (row, params, about) => {
    authorise(row, params)
    // A row that can be followed begins a turn.
    if (row.follow !== undefined) return await beginTurn(sending, params, about)
    const methods = clients[row.service] as Readonly<Record<string, Verb>>
    return await methods[row.verb]?.(params, about)
  }
}
