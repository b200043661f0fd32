/** What waits for somebody's permission, eldest first: kept fresh for the part of the panel that says so. */
import type { Approval } from '../../../protocol/approvals.ts'
import type { PanelElement } from '../element.ts'
import { Live } from '../live.ts'
import { linkTo, placeOfChat } from '../views/chats/chat-place.ts'

/** No hint comes from a service that is away, and it may have asked meanwhile. */
const LOOK_MS = 30_000

/** Of all chats. */
export const liveWaiting = (host: PanelElement): Live<readonly Approval[]> =>
  new Live(host, {
    load: async (connection) => (await connection.call('sessions.approvals', { state: 'waiting' })).approvals,
    topics: ['sessions.approval_changed'],
    every_ms: LOOK_MS,
  })

/** Whether an opinion is asked for, and no permission. */
export const isQuestion = ({ questions }: Approval): boolean => questions !== null && questions.length > 0

/** Where it can be answered. */
export const linkToApproval = ({ bot_id, chat_id }: Approval): string => linkTo(placeOfChat(bot_id, chat_id))
