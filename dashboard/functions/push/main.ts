/** The function `api/push` as Vercel starts it. */
import { parseConnectionString } from '@vercel/edge-config'
import { toListener } from '../listener.ts'
import { createPush } from '../push.ts'

const { env } = process

export default toListener(
  createPush({
    secret: env.METRICS_SECRET,
    api_token: env.VERCEL_API_TOKEN,
    store_id: env.EDGE_CONFIG_ID ?? parseConnectionString(env.EDGE_CONFIG ?? '')?.id,
    team_id: env.VERCEL_TEAM_ID,
    api_base: env.VERCEL_API_BASE ?? 'https://api.vercel.com',
    api_path: env.VERCEL_STORE_PATH ?? '/v1/edge-config',
  }),
)
