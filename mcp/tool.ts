/** What a tool is, whatever stands behind it. */
import type { CallToolResult, ToolAnnotations } from '@modelcontextprotocol/sdk/types.js'

/** JSON Schema of an object, as far as tools need it. */
export interface ObjectSchema {
  readonly type: 'object'
  readonly properties?: Record<string, object>
  readonly required?: string[]
  readonly [keyword: string]: unknown
}

/** One call of a tool. */
export interface ToolCall {
  /** Aborted when the client took the call back, or has gone. */
  readonly signal: AbortSignal
  /** Once `signal` is aborted: whether the client took the call back, and did not just go away. */
  wasTakenBack(): Promise<boolean>
  /** Shows that the call lives, with one line of what it is at. Does nothing where the client did not ask for it. */
  progress(line: string): void
}

export interface Tool {
  readonly name: string
  readonly description: string
  readonly inputSchema: ObjectSchema
  readonly outputSchema: ObjectSchema
  readonly annotations: ToolAnnotations
  /** Throws a `BackendFault` whose message says what to do. */
  call(args: Readonly<Record<string, unknown>>, call: ToolCall): Promise<CallToolResult>
}
