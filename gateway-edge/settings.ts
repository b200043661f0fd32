/** What the owner can set of the edge; `.env.example` says what each is for. */
import { z } from 'zod'
import { BaseEnv, envInteger } from '../services/runtime/env.ts'
import { isLoopback } from './http/guard.ts'

export const Settings = BaseEnv.extend({
  GATEWAY_HOST: z
    .string()
    .default('127.0.0.1')
    .refine(isLoopback, 'must be 127.0.0.1, ::1 or localhost: without a token nobody else may be let in'),
  GATEWAY_PORT: envInteger(1, 65_535).default(8_000),
})
