/** The settings that the doctor looks at beside those of the command. Defaults are those of the services. */
import { homedir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { DailyBackupEnv } from '../../services/runtime/daily-backup.ts'
import { BaseEnv, EnvFolder, EnvUrl, envInteger } from '../../services/runtime/env.ts'

export const DoctorEnv = BaseEnv.extend({
  ...DailyBackupEnv.shape,
  GATEWAY_SESSION_DIR: EnvFolder.default(join(homedir(), 'claude-gateway-sessions')),
  GATEWAY_MIN_FREE_DISK_MB: envInteger(0, 100_000_000).default(1_024),
  CLAUDE_BIN: z.string().optional(),
  CLAUDE_PERMISSION_MODE: z.string().default('bypassPermissions'),
  EMBEDDINGS: z.string().default('auto'),
  OLLAMA_BASE_URL: EnvUrl.default('http://localhost:11434'),
  OLLAMA_EMBED_MODEL: z.string().default('nomic-embed-text'),
})
export type DoctorEnv = z.output<typeof DoctorEnv>
