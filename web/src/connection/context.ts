/** How components reach the connection: the app provides it, whoever is below asks for it. */
import { createContext } from '@lit/context'
import type { Connection } from './connection.ts'

export const connectionContext = createContext<Connection>(Symbol('connection'))
