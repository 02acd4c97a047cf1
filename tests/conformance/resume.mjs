// Links for Apollo Client: makeRetry() and then resume, before HttpLink or GraphQLWsLink.
import { ApolloLink, CombinedGraphQLErrors } from '@apollo/client'
import { RetryLink } from '@apollo/client/link/retry'
import { map } from 'rxjs'

const PASSING = new Set(['RATE_LIMITED', 'INTERNAL_SERVER_ERROR', 'TOO_MANY_STREAMS', 'TOKEN_EXPIRED', 'FEED_RESET'])
const isPassingEnd = ({ extensions: { code, problem } = {} }) => PASSING.has(code) || PASSING.has(problem)

function isPassing(error) {
  if (error.errors) return error.errors.some(isPassingEnd)
  // What GraphQLWsLink turns a close into that graphql-ws doesn't retry.
  if (error.message.startsWith('Socket closed')) return PASSING.has(error.message.split(' ').at(-1))
  return !(error.statusCode < 500 && error.statusCode !== 429)
}

const isSubscription = (operation) => operation.operationType === 'subscription'

export const makeRetry = (waitMs = () => 1_000 + 2_000 * Math.random()) =>
  new RetryLink({
    attempts: (_count, operation, error) => isSubscription(operation) && isPassing(error),
    delay: waitMs,
  })

// Whether RetryLink or graphql-ws itself sends the operation again, the last cursor goes with it.
export const resume = new ApolloLink((operation, forward) => {
  operation.extensions = { ...operation.extensions }
  const keep = (result) => {
    if (isSubscription(operation) && result.errors && !('data' in result)) throw new CombinedGraphQLErrors(result)
    if (result.extensions?.cursor) operation.extensions.cursor = result.extensions.cursor
    return result
  }
  return forward(operation).pipe(map(keep))
})
