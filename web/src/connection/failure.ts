/** Something that was asked for and did not come about. */

/** One fault of an input: where, and what is wrong there. */
export interface Issue {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** `code` is one of `protocol/errors.ts`, or `offline` while there is no connection. */
export class Failure extends Error {
  readonly code: string
  readonly issues: readonly Issue[]

  constructor(code: string, message: string, issues: readonly Issue[] = []) {
    super(message)
    this.code = code
    this.issues = issues
  }

  /** What is wrong with one field of the input, if anything. */
  issueOf(field: string): string | undefined {
    return this.issues.find(({ path }) => path[0] === field)?.message
  }
}

/** Whatever was thrown, as a failure. */
export const toFailure = (error: unknown): Failure =>
  error instanceof Failure ? error : new Failure('internal', error instanceof Error ? error.message : String(error))

interface RpcError {
  readonly code: number
  readonly message: string
  readonly data?: { readonly code?: string; readonly issues?: readonly Issue[] }
}

/** An error answer of JSON-RPC. */
export const fromRpc = ({ message, data }: RpcError): Failure =>
  new Failure(data?.code ?? 'internal', message, data?.issues ?? [])
