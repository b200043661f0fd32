import type { Agent } from './agent.ts'
/** A control request of the host. */
export type ControlRequest = {
  request_id: string
  request: { subtype?: string; mode?: string; message_uuid?: string; model?: string }
}

/** Answers it. `interrupt` ends the running turn, if there is one. */
export function answerControl(agent: Agent, { request_id, request }: ControlRequest, interrupt: () => void): void {
  const { out, inbox } = agent
  switch (request.subtype) {
    case 'interrupt':
      out.controlled(request_id, out.options.legacy ? {} : { still_queued: inbox.uuids() })
      return interrupt()
    case 'initialize':
      return out.controlled(request_id, {
        commands: [],
        agents: [],
        models: [],
        output_style: 'default',
        available_output_styles: ['default'],
        account: {},
        pid: process.pid,
      })
    case 'set_permission_mode':
      out.options.permissionMode = request.mode ?? out.options.permissionMode
      out.controlled(request_id, { mode: out.options.permissionMode })
      return void out.system('status', { status: null, permissionMode: out.options.permissionMode })
    case 'set_model':
      out.options.model = request.model ?? out.options.model
      return out.controlled(request_id, { model: out.options.model })
    case 'cancel_async_message': {
      const message_uuid = request.message_uuid ?? ''
      return out.controlled(request_id, { cancelled: inbox.cancel(message_uuid), message_uuid })
    }
    default:
      return out.refused(request_id, `Unsupported control request subtype: ${request.subtype}`)
  }
}
