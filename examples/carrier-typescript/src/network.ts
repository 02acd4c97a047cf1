// The carrier's own network. Replace `carryOut` with a call to your provisioning or ticket system.
//
// The same order may come again, after a crash or while its answer is on its way: then do nothing, and return what was
// returned the first time. Return undefined while the work goes on, and the order comes again at the next poll.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs'
import type { AcknowledgementKind, OpenOrdersQuery } from './graph/graphql.js'

export type Order = NonNullable<NonNullable<OpenOrdersQuery['blockOrders']>['nodes']>[number]

/** EXECUTED, PARTIAL, IMPOSSIBLE, LIFTED or LIFT_IMPOSSIBLE, and when by your clock; all but the first and LIFTED with a
 *  reason, one of ImpossibleReason in the schema. */
export interface Outcome {
  kind: AcknowledgementKind
  at: string
  reason?: string
}

/** A stand-in that blocks at once, and remembers in a file of JSON lines what it did. */
export class Network {
  readonly #done = new Map<string, Outcome>()
  readonly #file: number

  constructor(path: string) {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    const whole = text.slice(0, text.lastIndexOf('\n') + 1) // a crash may have cut the last line
    if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole))
    for (const line of whole.split('\n').filter(Boolean)) {
      const { key, ...outcome } = JSON.parse(line)
      this.#done.set(key, outcome)
    }
    this.#file = openSync(path, 'a')
  }

  /** Blocks or lifts what the order says. The order's version tells its block from its lift. */
  async carryOut(order: Order): Promise<Outcome | undefined> {
    const key = `${order.orderNo}/${order.version}`
    const known = this.#done.get(key)
    if (known) return known
    const outcome: Outcome = {
      kind: order.state === 'LIFT_ISSUED' ? 'LIFTED' : 'EXECUTED',
      at: new Date().toISOString(),
    }
    writeSync(this.#file, `${JSON.stringify({ key, e164: order.e164, ...outcome })}\n`)
    fsyncSync(this.#file)
    this.#done.set(key, outcome)
    return outcome
  }

  close(): void {
    closeSync(this.#file)
  }
}
