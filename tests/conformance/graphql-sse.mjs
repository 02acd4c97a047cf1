// graphql-sse in its distinct connections mode: one stream a subscription, each a request of its own.
import { NetworkError, createClient } from 'graphql-sse'
import { follow } from './follow.mjs'
import {
  EVENTS, FORBIDDEN, Told, VIEWER, ask, crowd, equal, exactly, issue, layLine, leave, obtainToken, revokeToken, wait,
} from './stage.mjs'

const token = await obtainToken()
const authorization = `Bearer ${token}`
const line = await layLine()

const connect = (options = {}) =>
  createClient({
    url: `http://${line.url}`,
    headers: { authorization },
    retryAttempts: 0,
    retry: () => wait(50),
    ...options,
  })
const as = (bearer) => connect({ headers: { authorization: `Bearer ${bearer}` } })

function subscribe(client, payload) {
  const told = new Told()
  return Object.assign(told, { stop: client.subscribe(payload, told) })
}

async function refuse(client, payload) {
  const { error } = (await subscribe(client, payload).ended()).ends[0]
  const body = await error.response.json()
  return [error instanceof NetworkError, error.response.status, body.errors[0].extensions.code]
}

const client = connect()
const told = await subscribe(client, { query: EVENTS }).begun()
equal('the first message tells the place alone', told.messages[0].event, null)
const orders = await issue(3)
exactly('events', await told.events(3), orders)
const cursors = told.results.map((result) => result.extensions.cursor)
equal('extensions.cursor is the cursor of the payload', told.messages.map(({ cursor }) => cursor), cursors)
told.stop()
equal('disposed', (await told.ended()).ends, [{ complete: true }])

const [, first] = cursors
const iterated = []
for await (const result of client.iterate({ query: EVENTS, variables: { after: first } })) {
  iterated.push(result.data.blockRequestEvents.event.orderNo)
  if (iterated.length === 2) break
}
equal('iterate, resumed by `after`', iterated, told.orderNos.slice(1))
const byExtensions = subscribe(client, { query: EVENTS, extensions: { cursor: first } })
exactly('resumed by extensions.cursor', await byExtensions.events(2), told.orderNos.slice(1))
const byHeader = subscribe(connect({ headers: { authorization, 'last-event-id': first } }), { query: EVENTS })
exactly('resumed by Last-Event-ID', await byHeader.events(2), told.orderNos.slice(1))
const later = await issue(1)
exactly('history, then live', await byExtensions.events(3), [...told.orderNos.slice(1), ...later])
client.dispose()

// Queries and mutations, and what is refused before there is a stream.
{
  const client = connect()
  const asked = await subscribe(client, { query: VIEWER }).ended()
  equal('a query', asked.results[0].data.viewer.member.slug, 'telkomsel')
  equal('then it is complete', asked.ends, [{ complete: true }])
  const [order] = await ask('issue', { orders: 1 })
  const query = `mutation($input: AcknowledgeBlockOrdersInput!) {
    acknowledgeBlockOrders(input: $input) { results { acknowledgement { id } problem { code } } } }`
  const acknowledgements = [{ orderId: order.id, kind: 'RECEIVED', reference: 'TT-1' }]
  const answered = await subscribe(client, { query, variables: { input: { acknowledgements } } }).ended()
  equal('a mutation', answered.results[0].data.acknowledgeBlockOrders.results[0].problem, null)

  const faults = {
    'a bad token': [as('nothing'), { query: EVENTS }, 401, 'UNAUTHENTICATED'],
    'no token': [connect({ headers: {} }), { query: EVENTS }, 401, 'UNAUTHENTICATED'],
    'a syntax error': [client, { query: 'subscription {' }, 400, 'GRAPHQL_PARSE_FAILED'],
    'an unknown field': [client, { query: 'subscription { nothing }' }, 400, 'GRAPHQL_VALIDATION_FAILED'],
    'a missing scope': [client, { query: FORBIDDEN }, 403, 'UNAUTHORIZED_FIELD_OR_TYPE'],
    'a cursor that is none': [client, { query: EVENTS, variables: { after: 'nothing' } }, 400, 'BAD_USER_INPUT'],
  }
  for (const [name, [asking, payload, status, code]] of Object.entries(faults)) {
    equal(`${name} is refused before the stream`, await refuse(asking, payload), [true, status, code])
  }
}

// Its own retry sends the same request again, with the cursor that `next` kept in it.
{
  let connected = 0
  const on = { connected: () => (connected += 1) }
  const told = new Told()
  const stop = follow(connect({ retryAttempts: 100, on }), { query: EVENTS }, told, () => 50)
  await told.begun()
  exactly('after four cuts', told, await cutOften(told, () => connected))
  stop()
}

// And without it follow does the same.
{
  let connected = 0
  const told = new Told()
  const stop = follow(connect({ on: { connected: () => (connected += 1) } }), { query: EVENTS }, told, () => 50)
  await told.begun()
  exactly('after four cuts, followed', told, await cutOften(told, () => connected))
  stop()
}

// The gateway is started again.
{
  const [told, plain] = [new Told(), subscribe(connect(), { query: EVENTS })]
  const stop = follow(connect(), { query: EVENTS }, told, () => 50)
  await Promise.all([told.begun(), plain.begun()])
  const before = await issue(3)
  await Promise.all([told.events(3), plain.events(3)])
  const { cursor } = plain
  const restarted = ask('restart')
  const during = await issue(3)
  await restarted
  const after = await issue(2)
  exactly('over a restart', await told.events(8), [...before, ...during, ...after])
  stop()
  equal('a stream that the server ends is complete', (await plain.ended()).ends, [{ complete: true }])
  const end = plain.results.at(-1).errors[0].extensions
  equal('its last result says why, and the cursor', [end.problem, end.cursor], ['SERVER_SHUTDOWN', cursor])
}

// As many streams as a client may have, and one more.
{
  const open = (token) => {
    const told = new Told()
    return Object.assign(told, { stop: follow(as(token), { query: EVENTS }, told, () => 20) })
  }
  await crowd('graphql-sse', open)
}

// The token ends, by time or by revocation.
{
  const tokens = [await ask('shorten', { token, seconds: 3 }), await obtainToken()]
  let used = 0
  const told = new Told()
  const headers = () => ({ authorization: `Bearer ${tokens[used++]}` })
  follow(connect({ headers }), { query: EVENTS }, told, () => 50)
  await told.begun()
  const before = await issue(2)
  await told.until('a new token is asked for', () => used > 1)
  const after = await issue(2)
  exactly('over a token that expires', await told.events(4), [...before, ...after])
  const plain = await subscribe(as(tokens[1]), { query: EVENTS }).begun()
  const { cursor } = plain
  await revokeToken(tokens[1])
  await plain.ended()
  const { code, problem, cursor: last } = plain.results.at(-1).errors[0].extensions
  equal('a revoked token', [code, problem, last], ['UNAUTHENTICATED', 'TOKEN_REVOKED', cursor])
}
leave()

async function cutOften(told, connected) {
  const orders = []
  for (let round = 1; round <= 4; round++) {
    const issued = issue(4)
    if (round % 2) await issued
    line.cut()
    orders.push(...(await issued))
    await told.until('a new connection', () => connected() > round)
  }
  await told.events(orders.length)
  return orders
}
