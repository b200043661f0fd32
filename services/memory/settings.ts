/** What the owner can set of memory; `.env.example` says what each is for. */
import { z } from 'zod'
import { BaseEnv, EnvUrl } from '../runtime/env.ts'

export const Settings = BaseEnv.extend({
  EMBEDDINGS: z.enum(['auto', 'ollama', 'embedded', 'off']).default('auto'),
  OLLAMA_BASE_URL: EnvUrl.default('http://localhost:11434'),
  OLLAMA_EMBED_MODEL: z.string().min(1).max(200).default('nomic-embed-text'),
})

export type Settings = z.output<typeof Settings>
