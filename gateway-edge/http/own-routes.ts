/** What the edge answers by itself, declared as data as the contract's rows are: the router and the documents walk it. */
import { z } from 'zod'
import { SERVICE_NAMES, type ServiceName } from '../../protocol/contract.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import type { HttpRoute } from '../../protocol/method.ts'
import { EXPOSITION_TYPE } from '../../protocol/metrics.ts'
import { AgentProgram } from '../../protocol/sessions.ts'
import type { Exchange, Headers } from '../server/server.ts'

/** A route of the edge. */
export interface OwnSpec {
  readonly summary: string
  readonly description?: string
  /** Whether it is answered without a token also where one is set. */
  readonly public?: boolean
  /** The body it takes. */
  readonly input?: z.ZodType
  /** Codes that it may answer beside those that every route may. */
  readonly errors?: readonly ErrorCode[]
  /** What it answers beside the errors every route may answer: by status, the schema of its JSON or the type of its content. */
  readonly answers: Readonly<Record<number, z.ZodType | 'text/html; charset=utf-8' | typeof EXPOSITION_TYPE>>
}

/** What one request to a route of the edge is answered with. */
export interface OwnReply {
  /** 200 where absent. */
  readonly status?: number
  /** Among them `content-type` where the body is not JSON. */
  readonly headers?: Headers
  readonly body: string
}

/** Reads what it needs of the exchange before it first awaits. */
export type OwnAnswer = (exchange: Exchange) => OwnReply | Promise<OwnReply>

const Ok = z.object({ status: z.literal('ok') }).meta({ title: 'Ok' })

const ServiceState = z.enum(['up', 'down'])

const Health = z
  .object({
    status: z.literal('ok').describe('the edge itself answers'),
    uptime_seconds: z.number(),
    active_sessions: z.number().int().describe('0 also while sessions is down'),
    agent: AgentProgram,
    services: z.object(
      Object.fromEntries(SERVICE_NAMES.map((name) => [name, ServiceState])) as Record<ServiceName, typeof ServiceState>,
    ),
    adapter: z.enum(['uws', 'node']).describe('the HTTP server in use: uWebSockets.js, or node:http where it has no binary'),
  })
  .meta({ title: 'Health' })

const NotReady = z
  .object({ status: z.literal('unavailable'), detail: z.string().describe('what does not answer, or what is wrong') })
  .meta({ title: 'NotReady' })

/** Declares a route. The identity function: it exists so that each is checked where it stands. */
const own = (spec: OwnSpec): OwnSpec => spec

/** Every route of the edge that is not the contract's. */
export const OWN_ROUTES = {
  'GET /api/health': own({ summary: 'Whether the edge lives', public: true, answers: { 200: Ok } }),
  'GET /healthz': own({ summary: 'Whether the edge lives', public: true, answers: { 200: Ok } }),
  'GET /readyz': own({
    summary: 'Whether messages can be taken: what the edge needs answers within a second, and nothing critical is wrong',
    public: true,
    answers: { 200: Ok, 503: NotReady },
  }),
  'GET /health': own({
    summary: 'What is up, which HTTP server is in use, and which agent answers',
    description: 'Always 200 while the edge itself answers; what does not is told in the body.',
    answers: { 200: Health },
  }),
  'GET /metrics': own({
    summary: 'All numbers in the text format of Prometheus',
    description: 'Prometheus shows the token as `authorization: {credentials: …}` of its scrape configuration (docs/metrics.md).',
    errors: ['timeout', 'unavailable'],
    answers: { 200: EXPOSITION_TYPE },
  }),
  'POST /api/login': own({
    summary: 'Begin a login of a browser: the token once, then a cookie that lasts for seven days',
    description:
      'The cookie is a random id and never the token. 404 where no token is set. Logins outlive a restart of the edge; another token ends them all.',
    public: true,
    input: z.object({ token: z.string().describe('GATEWAY_TOKEN') }),
    errors: ['unauthorized', 'not_found'],
    answers: { 200: Ok },
  }),
  'POST /api/logout': own({ summary: 'End the login whose cookie is shown', answers: { 200: Ok } }),
  'GET /openapi.json': own({ summary: 'This description, for machines (OpenAPI 3.1)', answers: { 200: z.looseObject({}) } }),
  'GET /docs': own({ summary: 'This description, for people', answers: { 200: 'text/html; charset=utf-8' } }),
} as const satisfies Partial<Record<HttpRoute, OwnSpec>>

/** One answer for each declared route: the compiler asks for all of them and for no other. */
export type OwnAnswers = Readonly<Record<keyof typeof OWN_ROUTES, OwnAnswer>>
