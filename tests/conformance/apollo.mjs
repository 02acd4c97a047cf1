// Apollo Client: subscriptions as multipart responses (HttpLink) and over WebSocket (GraphQLWsLink).
import {
  ApolloClient, ApolloLink, CombinedGraphQLErrors, CombinedProtocolErrors, HttpLink, InMemoryCache, gql,
} from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { createClient } from 'graphql-ws'
import WebSocket from 'ws'
import { makeRetry, resume } from './resume.mjs'
import {
  EVENTS, FORBIDDEN, Told, VIEWER, ask, check, crowd, equal, exactly, issue, layLine, leave, obtainToken, wait,
} from './stage.mjs'

// GraphQLWsLink compares with it; Node has it from version 22 on.
globalThis.WebSocket ??= WebSocket

const token = await obtainToken()
const line = await layLine()
const byToken = (obtain = () => token) =>
  new SetContextLink(({ headers }) => ({ headers: { ...headers, authorization: `Bearer ${obtain()}` } }))
let heartbeats = 0
let opened = 0

// It counts the parts that say nothing, which the client must not show.
async function countedFetch(...args) {
  const response = await fetch(...args)
  if (!response.headers.get('content-type').startsWith('multipart/mixed')) return response
  opened += 1
  const body = response.body.pipeThrough(
    new TransformStream({
      transform(bytes, controller) {
        heartbeats += Buffer.from(bytes).toString().split('\r\n\r\n{}\r\n').length - 1
        controller.enqueue(bytes)
      },
    }),
  )
  return new Response(body, { status: response.status, headers: response.headers })
}

const http = new HttpLink({ uri: `http://${line.url}`, fetch: countedFetch })
const makeClient = (...links) => new ApolloClient({ cache: new InMemoryCache(), link: ApolloLink.from(links) })

function subscribe(client, { query = EVENTS, ...options } = {}) {
  const told = new Told()
  const subscription = client.subscribe({ query: gql(query), ...options }).subscribe(told)
  return Object.assign(told, { stop: () => subscription.unsubscribe() })
}

const plain = makeClient(byToken(), http)
const retried = makeClient(makeRetry(() => 50), resume, byToken(), http)

// Events arrive as data, and nothing else does.
{
  const told = await subscribe(plain).begun()
  equal('the first message tells the place alone', told.messages[0].event, null)
  const orders = await issue(3)
  exactly('events', await told.events(3), orders)
  const cursors = told.results.map((result) => result.extensions.cursor)
  equal('extensions.cursor is the cursor of the payload', told.messages.map(({ cursor }) => cursor), cursors)
  const before = heartbeats
  await told.until('signs of life', () => heartbeats >= before + 2)
  equal('heartbeats are not shown', told.results.length, 4)
  equal('nor is anything an error', told.results.filter(({ error }) => error), [])
  told.stop()

  const asked = await plain.query({ query: gql(VIEWER) })
  equal('a query by the same client', asked.data.viewer.member.slug, 'telkomsel')
  const byArgument = subscribe(plain, { variables: { after: cursors[1] } })
  exactly('resumed by `after`', await byArgument.events(2), orders.slice(1))
  byArgument.stop()
  const byExtensions = subscribe(plain, { extensions: { cursor: cursors[1] } })
  exactly('resumed by extensions.cursor', await byExtensions.events(2), orders.slice(1))
  byExtensions.stop()
}

// What is refused before there is a stream is a GraphQL error.
{
  const faults = {
    'a bad token': [makeClient(byToken(() => 'nothing'), http), EVENTS, 'UNAUTHENTICATED'],
    'an unknown field': [plain, 'subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    'a missing scope': [plain, FORBIDDEN, 'UNAUTHORIZED_FIELD_OR_TYPE'],
  }
  for (const [name, [client, query, code]] of Object.entries(faults)) {
    const told = await subscribe(client, { query }).ended()
    const { error } = told.results[0]
    check(name, CombinedGraphQLErrors.is(error) && error.errors[0].extensions.code === code, [error, told.ends])
  }
}

// Cut off, and again, and the gateway started again: RetryLink with the cursor loses nothing.
{
  const told = await subscribe(retried).begun()
  const blunt = await subscribe(plain).begun()
  const orders = []
  for (let round = 1; round <= 3; round++) {
    const [issued, had] = [issue(4), opened]
    if (round % 2) await issued
    line.cut()
    orders.push(...(await issued))
    await told.until('a new connection', () => opened > had)
  }
  exactly('after three cuts', await told.events(orders.length), orders)
  check('without RetryLink it is an error', (await blunt.ended()).results.at(-1).error, blunt.results)

  const ending = await subscribe(plain).begun()
  const restarted = ask('restart')
  orders.push(...(await issue(3)))
  await restarted
  orders.push(...(await issue(2)))
  exactly('and a restart', await told.events(orders.length), orders)
  equal('the place was told once', told.messages.filter(({ event }) => !event).length, 1)
  const { error } = (await ending.ended()).results.at(-1)
  check('the end is a protocol error', CombinedProtocolErrors.is(error), error)
  const { problem, cursor } = error.errors[0].extensions
  equal('it says why, and the last cursor', [problem, cursor], ['SERVER_SHUTDOWN', ending.cursor])
  equal('and then it is complete', ending.ends, [{ complete: true }])
  told.stop()
}

// As many streams as a client may have, and one more.
await crowd('Apollo Client', (token) => subscribe(makeClient(makeRetry(() => 20), resume, byToken(() => token), http)))

// A token that expires.
{
  const tokens = [await ask('shorten', { token, seconds: 3 }), await obtainToken()]
  let used = 0
  const told = await subscribe(makeClient(makeRetry(() => 50), resume, byToken(() => tokens[used++]), http)).begun()
  const orders = await issue(2)
  await told.until('a new token is asked for', () => used > 1)
  orders.push(...(await issue(1)))
  exactly('over a token that expires', await told.events(3), orders)
  told.stop()
}

// Over WebSocket, where graphql-ws comes back after a cut by itself, and RetryLink after an end that was told.
{
  let connected = 0
  const socket = createClient({
    url: `ws://${line.url}`,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: `Bearer ${token}` },
    shouldRetry: () => true,
    retryAttempts: 100,
    retryWait: () => wait(50),
    on: { connected: () => (connected += 1) },
  })
  const client = makeClient(makeRetry(() => 50), resume, new GraphQLWsLink(socket))
  const told = await subscribe(client).begun()
  const orders = await issue(2)
  await told.events(2)
  line.cut()
  orders.push(...(await issue(2)))
  exactly('GraphQLWsLink, cut off', await told.events(4), orders)
  const restarted = ask('restart')
  orders.push(...(await issue(2)))
  await restarted
  orders.push(...(await issue(1)))
  exactly('GraphQLWsLink, over a restart', await told.events(7), orders)
  check('each on a socket of its own', connected >= 3, connected)
  const asked = await client.query({ query: gql(VIEWER) })
  equal('a query over the socket', asked.data.viewer.member.slug, 'telkomsel')
  const { error } = (await subscribe(client, { query: FORBIDDEN }).ended()).results[0]
  check('a missing scope', CombinedGraphQLErrors.is(error), error)
  equal('ends its own id', told.ends, [])
  told.stop()
  await socket.dispose()
}
leave()
