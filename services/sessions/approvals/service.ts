/** What can be asked of permissions: one handler a method of `protocol/approvals.ts`. */
import type { approvalMethods } from '../../../protocol/approvals.ts'
import type { Handlers } from '../../../protocol/method.ts'
import type { Approvals } from './approvals.ts'

type ApprovalHandlers = Handlers<{ methods: typeof approvalMethods; topics: Record<never, never> }>

export const createApprovalHandlers = (approvals: Pick<Approvals, 'list' | 'decide'>): ApprovalHandlers => ({
  async approvals({ bot_id = null, chat_id = null, state = null }) {
    return { approvals: approvals.list({ bot_id, chat_id, state }) }
  },

  async decide({ approval_id, decision, remember, message = null, answers = null }) {
    return await approvals.decide(approval_id, { decision, remember, message, answers })
  },
})
