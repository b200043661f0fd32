/**
 * What must not compile. Each `@ts-expect-error` is the assertion: the compiler fails on one that expects nothing, so the
 * build is the test. The functions here are never run.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import type { contract } from '../../protocol/contract.ts'
import { ServiceError } from '../../protocol/errors.ts'
import { type Client, type Handlers, method, type Publisher, service, topic } from '../../protocol/method.ts'
import { BaseEnv } from '../../services/runtime/env.ts'
import { run } from '../../services/runtime/run.ts'

const notes = service({
  methods: {
    add: method({
      summary: 'Keep a note',
      input: z.object({ text: z.string(), weight: z.number().default(1) }),
      output: z.object({ id: z.number() }),
    }),
    remove: method({ summary: 'Give a note up', input: z.object({ id: z.number() }), output: z.object({}) }),
  },
  topics: { note_added: topic({ summary: 'A note was added', payload: z.object({ id: z.number() }) }) },
})

type NotesHandlers = Handlers<typeof notes>

const handlers = (): void => {
  const whole: NotesHandlers = { add: async ({ weight }) => ({ id: weight }), remove: async () => ({}) }
  // @ts-expect-error a handler is missing
  const missing: NotesHandlers = { add: async () => ({ id: 1 }) }
  // @ts-expect-error `find` is not declared
  const extra: NotesHandlers = { ...whole, find: async () => ({}) }
  // @ts-expect-error the output has a number
  const wrongOutput: NotesHandlers = { ...whole, add: async () => ({ id: 'one' }) }
  // @ts-expect-error the output has an id
  const noOutput: NotesHandlers = { ...whole, add: async () => ({}) }
  // @ts-expect-error a handler is asynchronous
  const synchronous: NotesHandlers = { ...whole, add: () => ({ id: 1 }) }
  // @ts-expect-error the input has no such field
  const wrongInput: NotesHandlers = { ...whole, add: async ({ colour }) => ({ id: colour }) }
  void [missing, extra, wrongOutput, noOutput, synchronous, wrongInput]
}

const client = async (notesClient: Client<typeof notes>, history: Client<(typeof contract)['history']>): Promise<void> => {
  const { id }: { id: number } = await notesClient.add({ text: 'x' })
  await notesClient.add({ text: 'x', weight: id }, { timeout_ms: 5, call_id: 'c', signal: AbortSignal.timeout(1) })
  // @ts-expect-error text is a string
  await notesClient.add({ text: 7 })
  // @ts-expect-error text is needed
  await notesClient.add({})
  // @ts-expect-error there is no such field
  await notesClient.add({ text: 'x', colour: 'red' })
  // @ts-expect-error there is no such method
  await notesClient.find({})
  // @ts-expect-error the id is a number
  const wrong: string = (await notesClient.add({ text: 'x' })).id
  // @ts-expect-error there is no such option
  await notesClient.add({ text: 'x' }, { retries: 3 })
  // @ts-expect-error of the real contract, too: a role is user or assistant
  await history.post_message({ session_id: 's', role: 'system', content: 'x' })
  void wrong
}

const topics = (publish: Publisher<typeof notes>): void => {
  publish.note_added({ id: 1 })
  // @ts-expect-error the payload has a number
  publish.note_added({ id: 'one' })
  // @ts-expect-error there is no such topic
  publish.note_removed({ id: 1 })
}

const declarations = (): void => {
  // @ts-expect-error there is no such error code
  method({ summary: 'x', input: z.object({}), output: z.object({}), errors: ['not_a_code'] })
  // @ts-expect-error a route begins with a verb
  method({ summary: 'x', input: z.object({}), output: z.object({}), http: [{ route: '/api/x' }] })
  // @ts-expect-error an input is a schema
  method({ summary: 'x', input: {}, output: z.object({}) })
  // @ts-expect-error there is no such code
  throw new ServiceError('not_a_code')
}

const lives = async (): Promise<void> => {
  await run({ name: 'edge', env: BaseEnv, open: async ({ env }) => ({ start: () => void env.LOG_LEVEL }) })
  // @ts-expect-error a service of the contract has handlers
  await run({ name: 'history', env: BaseEnv, open: async () => ({}) })
  // @ts-expect-error who is not in the contract has none
  await run({ name: 'edge', env: BaseEnv, open: async () => ({ handlers: { add: async () => ({}) } }) })
  await run({
    name: 'edge',
    env: BaseEnv,
    open: async ({ env, publish, client: to }) => {
      // @ts-expect-error it is not in the schema
      void env.GATEWAY_PORT
      // @ts-expect-error who is not in the contract has no topics
      publish.note_added({ id: 1 })
      // @ts-expect-error there is no such service
      to('nobody')
      return {}
    },
  })
}

test('types - the contract is enforced by the compiler', () => {
  for (const proof of [handlers, client, topics, declarations, lives]) assert.equal(typeof proof, 'function')
})
