/**
 * The vocabulary in which the contract is written: a method is a record, a topic is a record, and nothing else is
 * needed to derive routes, tools, clients and documents from them.
 */
import type { z } from 'zod'
import type { ErrorCode } from './errors.ts'

/** `GET /api/chat/sessions/{session_id}`: a verb and a path whose `{names}` are fields of the input. */
export type HttpRoute = `${'GET' | 'POST' | 'PUT' | 'DELETE'} /${string}`

/**
 * How the HTTP surface shows a method.
 * - `reply`: the output is the answer (the default);
 * - `await`: the output names a turn; the answer is given when that turn has ended;
 * - `sse`: the output names a turn; its events are the answer, in the words of the predecessor's clients;
 * - `events`: the input names a turn; its events behind `Last-Event-ID` are the answer, all of them;
 * - `settle`: the output is the answer once its `pending` is false; until then the same call is made again (a long poll that
 *   knows a repeat by its call id);
 * - `file`: the output's `bytes` are the answer, as `content_type` and under `name`.
 */
export interface HttpBinding {
  readonly route: HttpRoute
  readonly shape?: 'reply' | 'await' | 'sse' | 'events' | 'settle' | 'file'
  /** The status of success; 200 where absent. */
  readonly status?: number
  /**
   * `rejected`: clients of this route look at the body only, so a failure of a well-formed request is 200 with
   * `{"status":"rejected","reason":…}`.
   */
  readonly failure?: 'rejected'
}

/** One thing that can be asked of a service. */
export interface MethodSpec {
  /** One sentence for people and models. */
  readonly summary: string
  readonly input: z.ZodType
  readonly output: z.ZodType
  /** Codes that this method may answer beside those every method may (see `toPublicError`). */
  readonly errors?: readonly ErrorCode[]
  readonly http?: readonly HttpBinding[]
  /** The name of the MCP tool, where it is shown as one. */
  readonly mcp?: string
  /** Whether WebSocket shows it (by its contract name). */
  readonly ws?: boolean
  /** How long the caller waits, in milliseconds; of a long poll more than the longest `wait_ms` of its input. */
  readonly timeout_ms?: number
  /** Asking twice is the same as asking once: the caller repeats it by itself when the service restarts. */
  readonly idempotent?: boolean
  /** The method (of the same service) that follows what this one began, and the output field that names it. */
  readonly follow?: { readonly method: string; readonly of: string }
}

/** Something a service tells whoever listens. A hint only: whoever must not miss it reads from the owner. */
export interface TopicSpec {
  readonly summary: string
  readonly payload: z.ZodType
}

/** A service as data: its methods and its topics. */
export interface ServiceSpec {
  /** What it is for, for people. */
  readonly summary?: string
  readonly methods: Readonly<Record<string, MethodSpec>>
  readonly topics: Readonly<Record<string, TopicSpec>>
}

/** Declares a method. The identity function: it exists so that inference keeps the schemas' types. */
export const method = <const M extends MethodSpec>(spec: M): M => spec

/** Declares a topic. */
export const topic = <const T extends TopicSpec>(spec: T): T => spec

/** Declares a service. */
export const service = <const S extends ServiceSpec>(spec: S): S => spec

/** What travels with a call into a handler. */
export interface CallContext {
  /** Follows a request through all processes; in every log line that belongs to it. */
  readonly call_id: string
  /** Aborted when the caller took the call back, its deadline passed or the service closes. */
  readonly signal: AbortSignal
}

/** One handler for each declared method: the compiler asks for all of them and for no other. */
export type Handlers<S extends ServiceSpec> = {
  readonly [M in keyof S['methods']]: (
    input: z.output<S['methods'][M]['input']>,
    call: CallContext,
  ) => Promise<z.output<S['methods'][M]['output']>>
}

/** How one call is made. */
export interface CallOptions {
  readonly signal?: AbortSignal
  readonly timeout_ms?: number
  readonly call_id?: string
}

/** The typed client of a service: an ordinary object of functions. */
export type Client<S extends ServiceSpec> = {
  readonly [M in keyof S['methods']]: (
    input: z.input<S['methods'][M]['input']>,
    options?: CallOptions,
  ) => Promise<z.output<S['methods'][M]['output']>>
}

/** Tells whoever listens, one function a topic. */
export type Publisher<S extends ServiceSpec> = {
  readonly [T in keyof S['topics']]: (payload: z.input<S['topics'][T]['payload']>) => void
}

/** Whatever carries a call to a service and brings the answer back. The wire implements it; so may a test. */
export type Link = (name: string, input: unknown, options: CallOptions) => Promise<unknown>
