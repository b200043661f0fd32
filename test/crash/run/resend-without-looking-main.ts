/**
 * The sessions service broken on purpose, so that the run shows that it would notice: a hand-over that was cut off is repeated
 * without looking whether the agent has the message. Neither its log nor the transcript counts as proof.
 */
import { run } from '../../../services/runtime/run.ts'
import { TurnFold } from '../../../services/sessions/agent/fold.ts'
import { Transcripts } from '../../../services/sessions/agent/transcript.ts'
import { openSessions } from '../../../services/sessions/open.ts'
import { Settings } from '../../../services/sessions/settings.ts'
import { lieInAmbush } from './ambush.ts'

Transcripts.prototype.knows = async () => 'no'
Object.defineProperty(TurnFold.prototype, 'isProven', { get: () => false })

await run({
  name: 'sessions',
  env: Settings,
  open: ({ env, environment, home, log, client, publish, defer }) => {
    const at = lieInAmbush(process.env.CRASH_RUN ?? '')
    return openSessions({ env, environment, home, log, history: client('history'), memory: client('memory'), publish, defer, at })
  },
})
