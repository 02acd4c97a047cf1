// Follows fraud signals and keeps them in a journal, together with the place up to which it has followed.
//
// It runs until SIGTERM or Ctrl-C, which end it with 0, or until the gateway ends it for good, with 1. It may be killed
// at any time: the next start goes on after the last message that was written.
import { type ExecutionResult, NetworkError, createClient } from 'graphql-sse'
import { Failure, Gateway, type GraphError, describe, log, pause } from './gateway.js'
import { graphql } from './graph/index.js'
import type { FollowSignalsSubscription } from './graph/graphql.js'
import { Journal, type Signal } from './journal.js'

const FOLLOW = graphql(`
  subscription FollowSignals($after: FeedCursor) {
    fraudSignals(after: $after) {
      cursor
      event { signalId category risk state signal { validUntil hashes { hash } } }
    }
  }
`)
const ACTIVE = graphql(`
  query ActiveSignals($after: String) {
    fraudSignals(filter: {states: [ACTIVE]}, first: 200, after: $after) {
      nodes { id category risk state validUntil hashes { hash } }
      pageInfo { hasNextPage endCursor }
    }
  }
`)
const RUNNING_MS = 5_000 // a connection that lasted longer was accepted; whatever ended it is a new trouble

type Message = NonNullable<FollowSignalsSubscription['fraudSignals']>

class Follower {
  #startsOver: boolean

  constructor(
    private readonly gateway: Gateway,
    private readonly journal: Journal,
    private readonly stopping: AbortSignal,
  ) {
    this.#startsOver = journal.cursor === undefined
  }

  /** Follows, connection after connection, until told to stop. Throws the Failure that ended it for good. */
  async run(): Promise<void> {
    for (let tries = 0; !this.stopping.aborted; ) {
      const openedAt = performance.now()
      try {
        await this.#connect()
        tries = 0
      } catch (failure) {
        if (!(failure instanceof Failure) || failure.remedy === 'stop') throw failure
        this.gateway.dropToken() // whatever ended it, the next connection begins with a new token
        this.#startsOver ||= failure.remedy === 'start over'
        tries = performance.now() - openedAt > RUNNING_MS ? 1 : tries + 1
        log(`${failure.message}; connecting again`)
        // The first time at once: most often, one of several processes is being restarted.
        if (tries > 1 || failure.waitMs) await pause(tries, failure.waitMs, this.stopping)
      }
    }
  }

  /** Follows on one connection until a new token is due. Throws a Failure. */
  async #connect(): Promise<void> {
    if (this.#startsOver) await this.#startOver()
    this.#startsOver = false
    await this.#listen(this.journal.cursor, ({ cursor, event }) => {
      const signal = event ? readEvent(event) : undefined
      this.journal.take(signal, cursor)
      if (signal) log(`${signal.id} is ${signal.state}, ${signal.risk}`)
    })
  }

  /**
   * Takes the present place, then every signal that is active, and puts both in the place of what was known. What
   * happens in between is in the list, and comes once more as an event.
   */
  async #startOver(): Promise<void> {
    let place: string | undefined
    await this.#listen(undefined, ({ cursor }, stop) => {
      place = cursor
      stop()
    })
    if (place === undefined) return
    const signals: Signal[] = []
    let after: string | null | undefined
    do {
      const page = (await this.gateway.execute(ACTIVE, { after })).fraudSignals
      for (const { hashes, ...node } of page?.nodes ?? []) {
        signals.push({ ...node, hashes: (hashes ?? []).map(({ hash }) => hash) })
      }
      after = page?.pageInfo.hasNextPage ? page.pageInfo.endCursor : undefined
    } while (after)
    this.journal.replace(signals, place)
    log(`started with ${signals.length} active signals`)
  }

  /**
   * Hands on message after message, until a new token is due, `stop` is called, or the program is told to stop. The
   * sink is synchronous: nothing more is read before a message is on disk.
   */
  async #listen(after: string | undefined, take: (message: Message, stop: () => void) => void): Promise<void> {
    const token = await this.gateway.getToken()
    const client = createClient({
      url: `${this.gateway.url}/graphql`,
      headers: { authorization: `Bearer ${token}` },
      retryAttempts: 0,
    })
    let isOver = false
    const stop = () => {
      isOver = true
      client.dispose()
    }
    const renewal = setTimeout(stop, this.gateway.renewedInMs)
    this.stopping.addEventListener('abort', stop)
    try {
      await new Promise<void>((resolve, reject) => {
        client.subscribe<FollowSignalsSubscription>(
          { query: FOLLOW.toString(), variables: { after } },
          {
            next: (result: ExecutionResult<FollowSignalsSubscription>) => {
              if (result.errors?.length) throw Failure.fromErrors(result.errors as unknown as GraphError[])
              if (result.data?.fraudSignals) take(result.data.fraudSignals, stop)
            },
            error: reject,
            complete: () => (isOver ? resolve() : reject(new Failure('the gateway completed the stream', 'retry'))),
          },
        )
      })
    } catch (error) {
      throw await readEnd(error)
    } finally {
      clearTimeout(renewal)
      this.stopping.removeEventListener('abort', stop)
      stop()
    }
  }
}

/** What ended a stream: errors of the graph, a refusal before it began, or a broken connection. */
async function readEnd(error: unknown): Promise<unknown> {
  if (!(error instanceof NetworkError)) return error
  if (error.response instanceof Response) return Failure.fromResponse(error.response)
  return new Failure(`the connection broke: ${describe(error)}`, 'retry')
}

/** What an event says. Its signal is null if it may no longer be seen; what retention erased is null too. */
function readEvent(event: NonNullable<Message['event']>): Signal {
  const { signalId, state, risk, category, signal } = event
  return {
    id: signalId,
    state: state ?? null,
    risk: risk ?? null,
    category: category ?? null,
    validUntil: signal?.validUntil ?? null,
    hashes: signal?.hashes?.map(({ hash }) => hash) ?? null,
  }
}

const stopping = new AbortController()
for (const ending of ['SIGTERM', 'SIGINT']) process.on(ending, () => stopping.abort())

try {
  const journal = new Journal(process.env.SIGNALS_FILE ?? 'signals.jsonl')
  await new Follower(Gateway.fromEnvironment(), journal, stopping.signal).run()
} catch (error) {
  if (!(error instanceof Failure)) throw error
  log(`stopped: ${error.message}`)
  process.exitCode = 1
}
