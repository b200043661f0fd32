/** The contract's schemas as JSON Schema, for surfaces that describe it to machines: OpenAPI, MCP tools, query decoding. */
import { z } from 'zod'
import type { Row } from './contract.ts'

export type JsonSchema = z.core.JSONSchema.BaseSchema

/** What a caller may give: a field with a default is not required. */
export const inputSchema = (row: Pick<Row, 'input'>): JsonSchema => z.toJSONSchema(row.input, { io: 'input' })

/** What a caller gets. */
export const outputSchema = (row: Pick<Row, 'output'>): JsonSchema => z.toJSONSchema(row.output, { io: 'output' })
