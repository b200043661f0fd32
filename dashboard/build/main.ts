/** `npm run dashboard:build`: writes `dashboard/.vercel/output`. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildDashboard } from './build.ts'

// Compiled, it stands in dist/dashboard/build.
const source = join(fileURLToPath(new URL('../../..', import.meta.url)), 'dashboard')
await buildDashboard({ source, output: join(source, '.vercel', 'output') })
console.log('The dashboard is built in dashboard/.vercel/output. Deploy it with: cd dashboard && vercel deploy --prebuilt --prod')
