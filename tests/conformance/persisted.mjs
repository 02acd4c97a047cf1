// Apollo Client with persisted queries: it goes on where the gateway has no manifest, and sends hashes alone where it has.
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { createHash } from 'node:crypto'
import { check, config, obtainToken } from './report.mjs'

const VIEWER = gql`query Viewer { viewer { member { legalName } } }`
const sha256 = (text) => createHash('sha256').update(text).digest('hex')

// Everything that goes over the wire, and what comes back.
const exchanges = []
async function noting(url, options) {
  const response = await fetch(url, options)
  const asked = options.body ? JSON.parse(options.body) : Object.fromEntries(new URL(url).searchParams)
  exchanges.push({ method: options.method, hasText: 'query' in asked, status: response.status, asked })
  return response
}

async function makeClient(issuer, { useGETForHashedQueries = false } = {}) {
  const authorization = `Bearer ${await obtainToken(issuer, config.machine)}`
  const http = new HttpLink({ uri: `${issuer}/graphql`, fetch: noting, headers: { authorization } })
  const link = ApolloLink.from([new PersistedQueryLink({ sha256, useGETForHashedQueries }), http])
  return new ApolloClient({ cache: new InMemoryCache(), link, queryDeduplication: false })
}

async function ask(client, query = VIEWER) {
  const begun = exchanges.length
  const { data, error } = await client.query({ query, fetchPolicy: 'network-only', errorPolicy: 'all' })
  return { data, error, sent: exchanges.slice(begun) }
}

const isRegulator = ({ data }) => data?.viewer?.member.legalName === 'regulator'

{
  const client = await makeClient(config.issuer)
  const first = await ask(client)
  check('without a manifest it is told so and goes on', isRegulator(first) && first.sent.length === 2, first)
  check('by hash, then by text', !first.sent[0].hasText && first.sent[1].hasText, first.sent)
  const second = await ask(client)
  check('and asks by hash no more', isRegulator(second) && second.sent.length === 1 && second.sent[0].hasText, second)
}

for (const useGETForHashedQueries of [false, true]) {
  const client = await makeClient(config.trusting, { useGETForHashedQueries })
  const known = await ask(client)
  const method = useGETForHashedQueries ? 'GET' : 'POST'
  check(`a trusted document is one ${method} without its text`,
    isRegulator(known) && known.sent.length === 1 && !known.sent[0].hasText && known.sent[0].method === method, known)
  const unknown = await ask(client, gql`query Other { viewer { memberKind } }`)
  check('another goes on with its text', unknown.data?.viewer?.memberKind === 'REGULATOR' && unknown.sent.length === 2, unknown)
  check('and the trusted one is still asked by hash', !(await ask(client)).sent[0].hasText, exchanges.at(-1))
}

{
  const client = await makeClient(config.exclusive)
  const known = await ask(client)
  check('where nothing else is taken it is taken', isRegulator(known) && known.sent.length === 1, known)
  const unknown = await ask(client, gql`query Other { viewer { memberKind } }`)
  const refused = CombinedGraphQLErrors.is(unknown.error) && unknown.error.errors[0].extensions.problem
  check('and another is refused at once', refused === 'DOCUMENT_NOT_TRUSTED' && unknown.sent.length === 1, unknown)
}

check('no answer was a failure of HTTP', exchanges.every(({ status }) => [200, 400].includes(status)), exchanges)
