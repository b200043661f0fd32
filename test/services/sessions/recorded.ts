/** What history has of a chat. Sessions waits a second at most for its acknowledgement, then tells the end of a turn without it. */
import type { ChatMessage } from '../../../protocol/history.ts'
import type { Rig } from '../../crash/rig.ts'
import { eventually } from '../../harness.ts'

/** The messages of a chat once there are at least so many: more is for the caller to find. */
export const recorded = (rig: Rig, session_id: string, count: number): Promise<readonly ChatMessage[]> =>
  eventually(
    async () => {
      const rows = await rig.history.get_session({ session_id })
      return rows.length >= count ? rows : null
    },
    { timeout_ms: 30_000 },
  )
