/** The least that uWebSockets.js can answer: the yardstick for the edge. */
import { loadUws } from '../../gateway-edge/server/uws.ts'

const uws = loadUws()
uws
  .App()
  .get('/api/health', (res) => {
    res.writeHeader('content-type', 'application/json').end('{"status":"ok"}')
  })
  .listen('127.0.0.1', 0, (socket) => {
    process.send?.(socket === false ? 0 : uws.us_socket_local_port(socket))
  })
process.once('disconnect', () => process.exit(0))
