// Readers of text/event-stream that know nothing of GraphQL: a browser's EventSource, and the simplest splitters.
import { EventSource } from 'eventsource'
import { EVENTS, ask, check, config, equal, issue, layLine, leave, obtainToken, until } from './stage.mjs'

const line = await layLine()
const authorization = `Bearer ${await obtainToken()}`
const url = `http://${line.url}`
const asked = `${url}?query=${encodeURIComponent(EVENTS)}`

// As Hive Gateway reads: events end at LF LF and nowhere else.
async function* splitAtLineFeeds(body) {
  let buffer = ''
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const parts = (buffer + text).split('\n\n')
    buffer = parts.pop()
    yield* parts
  }
}

// As the HTML standard says: lines end in CR, LF or CRLF, a line that is empty ends an event.
async function* readByStandard(body) {
  let buffer = ''
  let event = {}
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (buffer + text).split(/\r\n|\n|\r(?!$)/)
    buffer = lines.pop()
    for (const line of lines) {
      if (line === '' && Object.keys(event).length) {
        yield event
        event = {}
      } else if (line && !line.startsWith(':')) {
        const [, name, value] = line.match(/^([^:]*):? ?(.*)$/s)
        event[name] = name in event ? `${event[name]}\n${value}` : value
      }
    }
  }
}

const open = (headers = {}, init = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { authorization, accept: 'text/event-stream', 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: EVENTS }),
    signal: AbortSignal.timeout(10_000),
    ...init,
  })
const orderOf = (data) => JSON.parse(data).data.blockRequestEvents.event?.orderNo

const [first, second] = await Promise.all([open(), open()])
equal('the media type', first.headers.get('content-type').split(';')[0], 'text/event-stream')
check('nobody keeps or gathers it', /no-store|no-cache/.test(first.headers.get('cache-control')), [...first.headers])
const orders = await issue(3)
const split = []
let comments = 0
for await (const part of splitAtLineFeeds(first.body)) {
  if (part.includes('\r')) throw new Error(`not ok - a carriage return in ${JSON.stringify(part)}`)
  if (part.startsWith(':')) comments += 1
  else split.push(part)
  // The place, three events, and then silence with its signs of life.
  if (split.length === 4 && comments >= 3) break
}
const dataOf = (part) => part.split('\n').find((line) => line.startsWith('data:')).slice(5)
equal('split at LF LF', split.map(dataOf).map(orderOf).slice(1), orders)
check('no frame holds CR; a silent stream shows that it lives', comments >= 3, comments)

const read = []
for await (const event of readByStandard(second.body)) {
  read.push(event)
  if (read.length === 4) break
}
equal('read by the standard', read.map(({ data }) => orderOf(data)).slice(1), orders)
equal('each is of type next', [...new Set(read.map(({ event }) => event))], ['next'])
equal('its id is its cursor', read.map(({ id }) => id), read.map(({ data }) => JSON.parse(data).extensions.cursor))
check('it says when to come back', read.some(({ retry }) => /^\d+$/.test(retry)), read)

// By Last-Event-ID, in the body's stead.
{
  const resumed = []
  for await (const event of readByStandard((await open({ 'last-event-id': read[1].id })).body)) {
    resumed.push(orderOf(event.data))
    if (resumed.length === 2) break
  }
  equal('resumed by Last-Event-ID', resumed, orders.slice(1))
}

// EventSource comes back by itself, with the id of the last event, and goes on exactly; over a restart too.
{
  let opened = 0
  let completed = 0
  const heard = []
  const source = new EventSource(asked, {
    fetch: (address, init) => fetch(address, { ...init, headers: { ...init.headers, authorization } }),
  })
  source.addEventListener('open', () => (opened += 1))
  source.addEventListener('next', ({ data }) => heard.push(data))
  source.addEventListener('complete', () => (completed += 1))
  const listOrders = () => heard.filter((data) => JSON.parse(data).data).map(orderOf).filter(Boolean)
  await until('it begins', () => heard.length, heard)
  const expected = await issue(3)
  await until('events', () => listOrders().length === 3, heard)
  line.cut()
  expected.push(...(await issue(3)))
  await until('events after a cut', () => listOrders().length === 6, heard)
  const restarted = ask('restart')
  expected.push(...(await issue(2)))
  await restarted
  expected.push(...(await issue(1)))
  await until('events after a restart', () => listOrders().length >= 9, heard)
  source.close()
  equal('EventSource', listOrders(), expected)
  check('came back twice or more, by itself', opened >= 3, opened)
  equal('the server ended it once, saying so', completed, 1)
  const { extensions } = heard.map((data) => JSON.parse(data)).find(({ errors }) => errors).errors[0]
  equal('why it ended', extensions.problem, 'SERVER_SHUTDOWN')
}

// Who takes no stream gets none.
{
  const refused = await open({ accept: 'application/json' })
  equal('a subscription without a stream', refused.status, 406)
  equal('is refused in JSON', (await refused.json()).errors.length, 1)
}
leave()
