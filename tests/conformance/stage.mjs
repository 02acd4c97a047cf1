// What the scripts share: the stage's commands, tokens, what a subscription told, and a line that can be cut.
import net from 'node:net'
import { createInterface } from 'node:readline'
import { inspect, isDeepStrictEqual } from 'node:util'
import { check, config } from './report.mjs'

export { check, config }
export const EVENTS = `subscription Events($after: FeedCursor) {
  blockRequestEvents(after: $after) { cursor event { position kind orderNo } }
}`
export const VIEWER = 'query Viewer { viewer { member { slug } } }'
export const FORBIDDEN = 'subscription { complaintEvents { cursor } }'

export const equal = (name, found, expected) => check(name, isDeepStrictEqual(found, expected), { found, expected })
export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

// The stage answers on standard input; a script ends by leave(), since that stays open.
const waiting = new Map()
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, answer } = JSON.parse(line)
  waiting.get(id)(answer)
})

export function ask(command, args = {}) {
  const id = waiting.size + 1
  return new Promise((resolve) => {
    waiting.set(id, resolve)
    console.log(`> ${JSON.stringify({ id, command, arguments: args })}`)
  })
}

export const leave = () => process.exit(0)

export async function issue(orders) {
  return (await ask('issue', { orders })).map((order) => order.orderNo)
}

export async function obtainToken(client = config.carrier) {
  return (await post(client, '/oauth/token', { grant_type: 'client_credentials' })).access_token
}

export const revokeToken = (token) => post(config.carrier, '/oauth/revoke', { token })

async function post({ id, secret }, path, form) {
  const basic = Buffer.from(`${id}:${secret}`).toString('base64')
  const response = await fetch(config.issuer + path, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}` },
    body: new URLSearchParams(form),
  })
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

export async function until(what, holds, shown) {
  const timeout = AbortSignal.timeout(10_000)
  while (!holds()) {
    if (timeout.aborted) throw new Error(`not ok - ${what}: ${inspect(shown, { depth: 8 })}`)
    await wait(5)
  }
}

// A sink that keeps what it was told, and can be waited for.
export class Told {
  results = []
  ends = []
  next = (result) => this.results.push(result)
  error = (error) => this.ends.push({ error })
  complete = () => this.ends.push({ complete: true })

  get messages() {
    return this.results.filter(({ data }) => data).map(({ data }) => data.blockRequestEvents)
  }

  get orderNos() {
    return this.messages.filter(({ event }) => event).map(({ event }) => event.orderNo)
  }

  get cursor() {
    return this.messages.at(-1).cursor
  }

  async until(what, holds) {
    await until(what, () => holds(this), this)
    return this
  }

  // The place at which a subscription without `after` begins.
  begun = () => this.until('it begins', ({ results }) => results.length)
  events = (count) => this.until(`${count} events`, ({ orderNos }) => orderNos.length >= count)
  ended = () => this.until('an end', ({ ends }) => ends.length)
}

// More streams of one client than it may have: the last waits until another ends, and then it begins.
export async function crowd(name, open) {
  const token = await obtainToken(config.crowd)
  const streams = await Promise.all(Array.from({ length: config.streamsMax }, () => open(token).begun()))
  const late = open(token)
  await wait(150)
  equal(`${name}: one too many waits`, [late.results.length, late.ends.length], [0, 0])
  streams[0].stop()
  await late.begun()
  const orders = await issue(1)
  exactly(`${name}: until another ends`, await late.events(1), orders)
  for (const stream of [...streams, late]) stream.stop()
}

// Exactly these, in the feed's order.
export function exactly(name, told, orderNos) {
  equal(`${name}: each once`, [...told.orderNos].sort(), [...orderNos].sort())
  const positions = told.messages.filter(({ event }) => event).map(({ event }) => BigInt(event.position))
  check(`${name}: in order`, positions.every((at, index) => !index || at > positions[index - 1]), positions.map(String))
}

// A port that leads to the gateway and can be cut off, in the middle of a frame too, as when a cable breaks.
export async function layLine() {
  const sockets = new Set()
  const server = net.createServer((near) => {
    const far = net.connect(config.port, '127.0.0.1')
    for (const [from, to] of [[near, far], [far, near]]) {
      sockets.add(from)
      from.on('data', (bytes) => to.write(bytes))
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `127.0.0.1:${server.address().port}/graphql`,
    cut: () => [...sockets].forEach((socket) => socket.resetAndDestroy()),
  }
}
