/** The sessions service broken on purpose, so that a run of losses shows that it would notice. */
import { forceNothing } from './unforced.ts'

forceNothing()
await import('../../run/sessions-main.ts')
