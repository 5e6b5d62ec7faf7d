// node's `esl` server with the small application.
import { FreeSwitchServer } from 'esl'

const quiet = () => {}
const server = new FreeSwitchServer({ all_events: false, my_events: true, logger: { debug: quiet, info: quiet, error: quiet } })
server.on('error', quiet)
server.on('connection', async (call) => {
  let digits = ''
  call.on('error', quiet)
  call.on('DTMF', (event) => {
    const key = event.body['DTMF-Digit']
    if (key === '1') {
      digits = ''
      call.execute('playback', '/sounds/menu.wav').catch(quiet)
    } else {
      digits += key
    }
  })
  call.on('DETECTED_SPEECH', (event) => event.body['Speech-Type'])
  call.on('CHANNEL_EXECUTE_COMPLETE', (event) => event.body['Application-UUID'])
  try {
    await call.event_json('DTMF', 'DETECTED_SPEECH', 'CHANNEL_EXECUTE_COMPLETE')
    await call.execute('answer', '')
    await call.execute('playback', '/sounds/menu.wav')
  } catch (error) { quiet(error) }
})
await server.listen({ port: Number(process.argv[2]), host: '127.0.0.1', backlog: 1024 })
