import type { Agent } from './agent.ts'
/** A control request of the host. */
export type ControlRequest = {
  request_id: string
  request: { subtype?: string; mode?: string; message_uuid?: string; model?: string }
}

/** Answers it. `interrupt` ends the running turn, if there is one. */
export function answerControl(agent: Agent, { request_id, request }: ControlRequest, interrupt: () => void): void {
  const { out, inbox } = agent
  const accept = (response: object) => out.controlled(request_id, response)
  switch (request.subtype) {
    case 'interrupt':
      accept(out.options.legacy ? {} : { still_queued: inbox.uuids() })
      interrupt()
      break
    case 'initialize':
      accept({ ...ABOUT_US, pid: process.pid })
      break
    case 'set_permission_mode':
      out.options.permissionMode = request.mode ?? out.options.permissionMode
      accept({ mode: out.options.permissionMode })
      out.system('status', { status: null, permissionMode: out.options.permissionMode })
      break
    case 'set_model':
      out.options.model = request.model ?? out.options.model
      accept({ model: out.options.model })
      break
    case 'cancel_async_message': {
      const message_uuid = request.message_uuid ?? ''
      accept({ cancelled: inbox.cancel(message_uuid), message_uuid })
      break
    }
    default:
      out.refused(request_id, `Unsupported control request subtype: ${request.subtype}`)
  }
}

const ABOUT_US = {
  commands: [],
  agents: [],
  models: [],
  output_style: 'default',
  available_output_styles: ['default'],
  account: {},
}
