// graphql-ws: what its client makes of every end, and that its own retry goes on exactly where it was.
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import { follow } from './follow.mjs'
import {
  EVENTS, FORBIDDEN, Told, VIEWER, ask, check, config, crowd, equal, exactly, issue, layLine, leave, obtainToken,
  revokeToken, until, wait,
} from './stage.mjs'

const url = `ws://127.0.0.1:${config.port}/graphql`
const token = await obtainToken()
const connectionParams = { Authorization: `Bearer ${token}` }
const shouldRetry = () => true
const retryWait = () => wait(50)

// A client, and what it told of its connection.
function connect(options = {}) {
  const closed = []
  const connected = []
  const client = createClient({
    url,
    webSocketImpl: WebSocket,
    connectionParams,
    retryWait,
    retryAttempts: 100,
    on: { closed: (event) => closed.push(event), connected: (_, payload) => connected.push(payload) },
    ...options,
  })
  return { client, closed, connected, follow: (request, sink) => follow(client, request, sink, () => 50) }
}

function subscribe(client, payload) {
  const told = new Told()
  return Object.assign(told, { stop: client.subscribe(payload, told) })
}

// What takes its time: one that answers no ping, and one that never initialises.
const mute = subscribe(connect({ disablePong: true, retryAttempts: 0 }).client, { query: EVENTS })
const idle = speak('graphql-transport-ws', [])

const refuse = async (client, payload) => (await subscribe(client, payload).ended()).ends[0].error

// The first message tells the place; then come events, in order; the client's dispose ends it.
{
  const { client, closed, connected } = connect()
  const told = await subscribe(client, { query: EVENTS }).begun()
  check('connection_ack tells how often the server shows that it lives', connected[0].heartbeatSeconds, connected)
  equal('the first message tells the place alone', told.messages[0].event, null)
  const orders = await issue(3)
  exactly('events', await told.events(3), orders)
  const cursors = told.results.map((result) => result.extensions.cursor)
  equal('extensions.cursor is the cursor of the payload', told.messages.map(({ cursor }) => cursor), cursors)
  told.stop()
  await told.ended()
  await until('the socket is closed', () => closed.length)
  equal('it closes as normal when nobody needs it', closed[0].code, 1000)

  const [, first] = cursors
  const byArgument = subscribe(client, { query: EVENTS, variables: { after: first } })
  exactly('resumed by `after`', await byArgument.events(2), told.orderNos.slice(1))
  const byExtensions = subscribe(client, { query: EVENTS, extensions: { cursor: first } })
  exactly('resumed by extensions.cursor', await byExtensions.events(2), told.orderNos.slice(1))
  check('no place is told before', byArgument.messages[0].event && byExtensions.messages[0].event, byArgument.messages)
  const later = await issue(1)
  exactly('history, then live', await byArgument.events(3), [...told.orderNos.slice(1), ...later])

  const counted = []
  for await (const result of client.iterate({ query: EVENTS, variables: { after: first } })) {
    counted.push(result.data.blockRequestEvents.event.orderNo)
    if (counted.length === 3) break
  }
  equal('iterate', counted, byArgument.orderNos)
  const foreign = await refuse(client, { query: EVENTS, variables: { after: `${first.slice(0, -4)}AAAA` } })
  equal('a cursor of another feed', foreign[0].extensions.code, 'CURSOR_EXPIRED')
  await client.dispose()
}

// Queries and mutations, and faults that end one id alone.
{
  const { client, closed } = connect()
  const told = await subscribe(client, { query: EVENTS }).begun()
  const asked = await subscribe(client, { query: VIEWER }).ended()
  equal('a query', asked.results[0].data.viewer.member.slug, 'telkomsel')
  equal('then it is complete', asked.ends, [{ complete: true }])
  const [order] = await ask('issue', { orders: 1 })
  await told.events(1)
  const query = `mutation($input: AcknowledgeBlockOrdersInput!) {
    acknowledgeBlockOrders(input: $input) { results { acknowledgement { id } problem { code } } } }`
  const acknowledgements = [{ orderId: order.id, kind: 'RECEIVED', reference: 'TT-1' }]
  const answered = await subscribe(client, { query, variables: { input: { acknowledgements } } }).ended()
  equal('a mutation', answered.results[0].data.acknowledgeBlockOrders.results[0].problem, null)
  await told.events(2)
  equal('of which the subscription tells', told.messages.at(-1).event.kind, 'ORDER_ACKNOWLEDGED')

  const faults = {
    'a syntax error': [{ query: 'subscription {' }, 'GRAPHQL_PARSE_FAILED'],
    'an unknown field': [{ query: 'subscription { nothing }' }, 'GRAPHQL_VALIDATION_FAILED'],
    'an unknown operationName': [{ query: EVENTS, operationName: 'Other' }, undefined],
    'a variable of the wrong type': [{ query: EVENTS, variables: { after: [1] } }, 'BAD_USER_INPUT'],
    'a missing scope': [{ query: FORBIDDEN }, 'UNAUTHORIZED_FIELD_OR_TYPE'],
    'a query with a syntax error': [{ query: '{' }, 'GRAPHQL_PARSE_FAILED'],
  }
  for (const [name, [payload, code]] of Object.entries(faults)) {
    const errors = await refuse(client, payload)
    const found = errors[0].extensions?.code
    check(`${name} ends its own id`, Array.isArray(errors) && found && (!code || found === code), errors)
  }
  const [orderNo] = await issue(1)
  await told.events(3)
  equal('the others live on, on the same socket', [told.orderNos[2], closed], [orderNo, []])
  await client.dispose()
}

// Who calls.
{
  const bad = { connectionParams: { Authorization: 'Bearer nothing' } }
  const once = await refuse(connect({ ...bad, retryAttempts: 0 }).client, { query: EVENTS })
  equal('a bad token closes the socket', [once.code, once.reason], [4403, 'Forbidden'])
  let asked = 0
  const renewed = connect({ connectionParams: () => (asked++ ? connectionParams : bad.connectionParams) })
  await subscribe(renewed.client, { query: EVENTS }).begun()
  equal('which graphql-ws tries again, with a token that it asks for anew', [asked, renewed.closed[0].code], [2, 4403])
  await renewed.client.dispose()
  const anonymous = await refuse(connect({ connectionParams: undefined }).client, { query: EVENTS })
  equal('without a token a subscription is refused, not the socket', anonymous[0].extensions.code, 'UNAUTHENTICATED')
}

// Signs of life, both ways.
{
  const pings = { sent: 0, heard: 0, ponged: 0 }
  const lively = connect({ keepAlive: 40 })
  lively.client.on('ping', (received) => (pings[received ? 'heard' : 'sent'] += 1))
  lively.client.on('pong', (received) => (pings.ponged += received))
  const told = await subscribe(lively.client, { query: EVENTS }).begun()
  await until('pongs', () => pings.ponged >= 3)
  check("the client's pings are answered", pings.ponged >= pings.sent - 1, pings)

  const silent = connect()
  let answered = 0
  silent.client.on('pong', (received) => (answered += !received))
  const quiet = await subscribe(silent.client, { query: EVENTS }).begun()
  equal('who answers no ping is cut off', (await mute.ended()).ends[0].error.code, 1006)
  await until('pings', () => answered >= 2)
  const orders = await issue(1)
  exactly('who answers is kept, though silent', await quiet.events(1), orders)
  exactly('as who pings is', await told.events(1), orders)
  await Promise.all([lively, silent].map(({ client }) => client.dispose()))
}

// Not lazy: connected before anything is subscribed, and after.
{
  const { client, closed, connected } = connect({ lazy: false })
  await until('a connection', () => connected.length)
  const told = await subscribe(client, { query: EVENTS }).begun()
  told.stop()
  await told.ended()
  await subscribe(client, { query: VIEWER }).ended()
  equal('a client that is not lazy keeps one socket', [connected.length, closed.length], [1, 0])
  await client.dispose()
}

// Its own retry goes on exactly, when `next` keeps the cursor in the payload.
{
  const line = await layLine()
  const { client, closed, connected, follow } = connect({ url: `ws://${line.url}`, shouldRetry })
  const { cursor } = await subscribe(client, { query: EVENTS }).begun()
  const [told, other] = [new Told(), new Told()]
  const stops = [follow({ query: EVENTS, variables: { after: cursor } }, told), follow({ query: EVENTS }, other)]
  await other.begun()
  const orders = []
  for (let round = 1; round <= 6; round++) {
    const issued = issue(4)
    if (round % 2) await issued
    if (round < 6) line.cut()
    else client.terminate()
    orders.push(...(await issued))
    await until('a new connection', () => connected.length > round)
  }
  exactly('after six cuts', await told.events(orders.length), orders)
  exactly('another of the same socket', await other.events(orders.length), orders)
  equal('each was abnormal', closed.map(({ code }) => code), [1006, 1006, 1006, 1006, 1006, 4499])
  equal('the place is told where there was none, once', [told, other].map(({ results }) => results.length - 24), [0, 1])
  for (const stop of stops) stop()
  await client.dispose()
}

// The gateway is started again: it says so, and the client goes on with the next process.
{
  const { client, closed, follow } = connect({ shouldRetry })
  const plain = connect({ shouldRetry })
  const [told, blunt] = [new Told(), subscribe(plain.client, { query: EVENTS })]
  const stop = follow({ query: EVENTS }, told)
  await Promise.all([told.begun(), blunt.begun()])
  const before = await issue(3)
  await Promise.all([told.events(3), blunt.events(3)])
  const restarted = ask('restart')
  const during = await issue(3)
  await restarted
  const after = await issue(2)
  exactly('over a restart', await told.events(8), [...before, ...during, ...after])
  equal('the socket closes as restarted', closed[0].code, 1012)
  const [error] = (await blunt.ended()).ends[0].error
  const { code, problem, cursor } = error.extensions
  equal('each subscription is told why', [code, problem], ['RATE_LIMITED', 'SERVER_SHUTDOWN'])
  equal('with the last cursor', cursor, blunt.cursor)
  stop()
  await client.dispose()
}

// As many sockets as a client may have, and one more.
{
  const open = (token) => {
    const told = new Told()
    const { follow } = connect({ connectionParams: { Authorization: `Bearer ${token}` } })
    return Object.assign(told, { stop: follow({ query: EVENTS }, told) })
  }
  await crowd('graphql-ws', open)
}

// The token ends, by time or by revocation.
{
  const tokens = [await ask('shorten', { token, seconds: 3 }), await obtainToken()]
  let used = 0
  const renewed = () => ({ Authorization: `Bearer ${tokens[used++]}` })
  const { closed, follow } = connect({ connectionParams: renewed })
  const told = new Told()
  follow({ query: EVENTS }, told)
  await told.begun()
  const before = await issue(2)
  await until('the socket is closed', () => closed.length)
  equal('a token that expires closes the socket', [closed[0].code, closed[0].reason], [4401, 'TOKEN_EXPIRED'])
  const after = await issue(2)
  exactly('and a new one goes on', await told.events(4), [...before, ...after])
  equal('it was asked for once more', used, 2)

  const plain = connect({ connectionParams: { Authorization: `Bearer ${tokens[1]}` } })
  const ending = await subscribe(plain.client, { query: EVENTS }).begun()
  await revokeToken(tokens[1])
  const [error] = (await ending.ended()).ends[0].error
  const { code, problem, cursor } = error.extensions
  equal('a revoked token', [code, problem, cursor], ['UNAUTHENTICATED', 'TOKEN_REVOKED', ending.cursor])
  equal('is not gone on from', (await told.ended()).ends[0].error[0].extensions.problem, 'TOKEN_REVOKED')
}

// What is no message of the protocol ends the socket with a code and a reason, never without.
{
  const init = { type: 'connection_init', payload: connectionParams }
  const faults = {
    'a payload of null': [init, { type: 'subscribe', id: '1', payload: null }],
    'no object': [init, 'hello'],
    null: [null],
    'no JSON': ['{'],
    'an id that is no string': [init, { type: 'subscribe', id: [1], payload: { query: EVENTS } }],
    'a type that there is not': [init, { type: 'unsubscribe', id: '1' }],
  }
  for (const [name, messages] of Object.entries(faults)) {
    const { code, reason } = await speak('graphql-transport-ws', messages)
    check(`${name} closes the socket as bad`, code === 4400 && reason, { code, reason })
  }
  const subscription = { type: 'subscribe', id: '1', payload: { query: EVENTS } }
  equal('a subscription before connection_init', (await speak('graphql-transport-ws', [subscription])).code, 4401)
  equal('who never initialises', (await idle).code, 4408)
  equal('no subprotocol', (await speak([], [])).code, 4406)
  equal('the legacy protocol is not spoken', (await speak('graphql-ws', [])).failed, 'Server sent no subprotocol')
  equal('an id twice', (await speak('graphql-transport-ws', [init, subscription, subscription])).code, 4409)
  equal('connection_init twice', (await speak('graphql-transport-ws', [init, init])).code, 4429)
}
leave()

// Say these, each but the first when the server has acknowledged, and wait until the socket closes.
function speak(subprotocol, [first, ...others]) {
  const socket = new WebSocket(url, subprotocol)
  const send = (message) => socket.send(message === '{' ? message : JSON.stringify(message))
  socket.on('open', () => first === undefined || send(first))
  socket.once('message', () => others.forEach(send))
  return new Promise((resolve) => {
    socket.on('error', ({ message }) => resolve({ failed: message }))
    socket.on('close', (code, reason) => resolve({ code, reason: String(reason) }))
  })
}
