// Polls a carrier's open orders, has its network carry them out, and acknowledges them.
//
//   node dist/poller.js          polls until SIGTERM or Ctrl-C, which end it with 0
//   node dist/poller.js --once   goes through the open orders once; ends with 1 if an order needs a person
//
// It needs no memory of its own: an order stays open at the gateway until it is acknowledged, and an acknowledgement
// that is sent twice is recorded once. So it may be killed at any time, and whatever was on its way is done again.
import { Failure, Gateway, log, pause, sleep } from './gateway.js'
import { graphql } from './graph/index.js'
import type { AcknowledgementInput } from './graph/graphql.js'
import { Network, type Order, type Outcome } from './network.js'

const OPEN_ORDERS = graphql(`
  query OpenOrders($after: String) {
    blockOrders(filter: {states: [ISSUED, RECEIVED, PARTIAL, LIFT_ISSUED]}, sort: DUE_SOONEST, first: 200, after: $after) {
      nodes { orderNo version e164 scope state dueAt }
      pageInfo { hasNextPage endCursor }
    }
  }
`)
const ACKNOWLEDGE = graphql(`
  mutation Acknowledge($acknowledgements: [AcknowledgementInput!]!) {
    acknowledgeBlockOrders(input: {acknowledgements: $acknowledgements}) {
      results { wasKnown blockOrder { state } acknowledgement { isLate mark } problem { code message field hint } }
    }
  }
`)

const OPEN = new Set<string>(['ISSUED', 'RECEIVED', 'PARTIAL', 'LIFT_ISSUED'])

/** Thrown out of a wait for the gateway when the program is told to stop. */
class Stopped extends Error {}

class Poller {
  constructor(
    private readonly gateway: Gateway,
    private readonly network: Network,
    private readonly stopping: AbortSignal,
  ) {}

  /** Goes through all open orders, those due soonest first; returns how many need a person. */
  async poll(): Promise<number> {
    let trouble = 0
    let after: string | null | undefined
    do {
      const page = present(await this.retry(() => this.gateway.execute(OPEN_ORDERS, { after })), 'blockOrders')
      trouble += await this.acknowledge(await this.carryOut(page.nodes ?? []))
      after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined
    } while (after && !this.stopping.aborted)
    return trouble
  }

  /** Carries out orders, until told to stop; returns what is to be said about them. */
  private async carryOut(orders: readonly Order[]): Promise<AcknowledgementInput[]> {
    const said: AcknowledgementInput[] = []
    for (const order of orders) {
      if (this.stopping.aborted) break
      const outcome = await this.network.carryOut(order)
      if (outcome) said.push(state(order, outcome))
      else if (order.state === 'ISSUED') said.push(state(order, { kind: 'RECEIVED' }))
    }
    return said
  }

  /** Sends one batch; reports each item that needs a person, and returns how many do. */
  private async acknowledge(acknowledgements: AcknowledgementInput[]): Promise<number> {
    if (!acknowledgements.length) return 0
    const answer = await this.retry(() => this.gateway.execute(ACKNOWLEDGE, { acknowledgements }))
    const { results } = present(answer, 'acknowledgeBlockOrders')
    let trouble = 0
    results.forEach(({ wasKnown, blockOrder, acknowledgement, problem }, place) => {
      const { orderNo, kind } = acknowledgements[place]!
      const isStillOpen = OPEN.has(blockOrder?.state ?? '') && kind !== 'RECEIVED' && kind !== 'PARTIAL'
      if (problem) log(`${orderNo} ${kind} was refused: ${problem.code}: ${problem.message} ${problem.hint ?? ''}`)
      else if (wasKnown && isStillOpen) log(`${orderNo} ${kind} was said before, and the order is open again: was it corrected?`)
      else {
        const without = acknowledgement?.mark ? `, recorded without effect: ${acknowledgement.mark}` : ''
        log(`${orderNo} ${kind}${acknowledgement?.isLate ? ' (late)' : ''}${without}`)
      }
      if (problem || (wasKnown && isStillOpen)) trouble += 1
    })
    return trouble
  }

  /** Runs an operation, again and again while it fails for a reason that passes. */
  private async retry<Result>(operation: () => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await operation()
      } catch (failure) {
        if (!(failure instanceof Failure) || failure.remedy !== 'retry') throw failure
        log(`${failure.message}; trying again`)
        await pause(tries, failure.waitMs, this.stopping)
        if (this.stopping.aborted) throw new Stopped()
      }
    }
  }
}

/** The same statement always has the same reference, so that a repetition is recognized. */
function state(order: Order, { kind, at, reason }: Partial<Outcome> & { kind: Outcome['kind'] }): AcknowledgementInput {
  const { orderNo, version } = order
  return { kind, orderNo, version, reference: `${orderNo}/${version}/${kind}`, reason, effectiveAt: at }
}

/** A root field is null only with an error, and an error has been thrown by then. */
function present<Result, Name extends keyof Result>(result: Result, name: Name): NonNullable<Result[Name]> {
  const value = result[name]
  if (value == null) throw new Failure(`${String(name)} is null`, 'stop')
  return value
}

const stopping = new AbortController()
for (const ending of ['SIGTERM', 'SIGINT']) process.on(ending, () => stopping.abort())

try {
  const network = new Network(process.env.NETWORK_FILE ?? 'network.jsonl')
  const poller = new Poller(Gateway.fromEnvironment(), network, stopping.signal)
  if (process.argv.includes('--once')) process.exitCode = (await poller.poll()) ? 1 : 0
  else
    while (!stopping.signal.aborted) {
      await poller.poll()
      await sleep(Number(process.env.POLL_SECONDS ?? 30) * 1_000, stopping.signal)
    }
} catch (error) {
  if (!(error instanceof Stopped || error instanceof Failure)) throw error
  // What was not acknowledged when it was told to stop is still open, and comes again at the next start.
  if (error instanceof Failure) {
    log(error.message)
    process.exitCode = 1
  }
}
