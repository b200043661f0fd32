/**
 * What can be asked and heard over the connection, as types of the contract. The schemas themselves stay behind: the edge has
 * checked each answer against them before it sends it, and zod would be the larger part of the first load.
 */
import type { z } from 'zod'
import type { contract } from '../../../protocol/contract.ts'

type Contract = typeof contract
type Service = keyof Contract & string

/** The methods of a service that WebSocket shows. */
type Verb<S extends Service> = {
  [V in keyof Contract[S]['methods'] & string]: Contract[S]['methods'][V] extends { ws: true } ? V : never
}[keyof Contract[S]['methods'] & string]

/** `sessions.list`, as on the wire. */
export type MethodName = { [S in Service]: `${S}.${Verb<S>}` }[Service]

type Spec<M extends MethodName> = M extends `${infer S extends Service}.${infer V}`
  ? V extends keyof Contract[S]['methods']
    ? Contract[S]['methods'][V]
    : never
  : never

/** What a caller may give: a field with a default is not required. */
export type Input<M extends MethodName> = Spec<M> extends { input: infer I extends z.ZodType } ? z.input<I> : never
/** What a caller gets. */
export type Output<M extends MethodName> = Spec<M> extends { output: infer O extends z.ZodType } ? z.output<O> : never

/** `sessions.turn_changed`. */
export type TopicName = { [S in Service]: `${S}.${keyof Contract[S]['topics'] & string}` }[Service]

/** What is told with a topic. */
export type Payload<T extends TopicName> = T extends `${infer S extends Service}.${infer P}`
  ? P extends keyof Contract[S]['topics']
    ? Contract[S]['topics'][P] extends { payload: infer Z extends z.ZodType }
      ? z.output<Z>
      : never
    : never
  : never
