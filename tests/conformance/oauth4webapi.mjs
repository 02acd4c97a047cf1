// oauth4webapi, which checks each answer against the section of the specification that it cites.
import * as oauth from 'oauth4webapi'
import { logIn } from './browser.mjs'
import { check, config, readKey, refuses } from './report.mjs'

const insecure = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(config.issuer)
const as = await oauth.processDiscoveryResponse(
  issuer,
  await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...insecure }),
)
check('discovery', as.token_endpoint === `${config.issuer}/oauth/token`, as)
check('PAR and DPoP are published', as.pushed_authorization_request_endpoint && as.dpop_signing_alg_values_supported, as)

const byBasic = { client: { client_id: config.machine.id }, auth: oauth.ClientSecretBasic(config.machine.secret) }
const byKey = {
  client: { client_id: config.keyed.id },
  auth: oauth.PrivateKeyJwt({ key: await readKey(config.keyed.key), kid: config.keyed.key.kid }),
}

for (const [name, { client, auth }] of Object.entries({ Basic: byBasic, private_key_jwt: byKey })) {
  const response = await oauth.clientCredentialsGrantRequest(as, client, auth, { scope: 'orders:read' }, insecure)
  const token = await oauth.processClientCredentialsResponse(as, client, response)
  check(`client credentials by ${name}`, token.scope === 'orders:read' && token.token_type === 'bearer', token)

  const asked = await oauth.introspectionRequest(as, client, auth, token.access_token, insecure)
  const told = await oauth.processIntrospectionResponse(as, client, asked)
  check(`introspection by ${name}`, told.active && told.client_id === client.client_id, told)

  const revoked = await oauth.revocationRequest(as, client, auth, token.access_token, insecure)
  await oauth.processRevocationResponse(revoked)
  const again = await oauth.introspectionRequest(as, client, auth, token.access_token, insecure)
  const after = await oauth.processIntrospectionResponse(as, client, again)
  check(`revocation by ${name}`, after.active === false, after)
}

const wrong = oauth.ClientSecretBasic('wrong')
await refuses('a wrong secret', 'invalid_client', async () =>
  oauth.processClientCredentialsResponse(
    as,
    byBasic.client,
    await oauth.clientCredentialsGrantRequest(as, byBasic.client, wrong, {}, insecure),
  ),
)

async function authorize(client, parameters) {
  const url = new URL(as.authorization_endpoint)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return logIn(url, { ...config.officer, callback: config.callback })
}

async function newRequest(client, scope) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const parameters = {
    client_id: client.client_id,
    redirect_uri: config.callback,
    response_type: 'code',
    scope,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  }
  return { verifier, state, parameters }
}

// Code with PKCE through the login page, refresh, replay, revocation.
const web = { client_id: config.web.id }
const webAuth = oauth.ClientSecretBasic(config.web.secret)
const { verifier, state, parameters } = await newRequest(web, 'orders:read offline_access')
const answer = oauth.validateAuthResponse(as, web, await authorize(web, parameters), state)
check('an answer with state and iss (RFC 9207)', answer.get('iss') === config.issuer, String(answer))
const redeemed = await oauth.processAuthorizationCodeResponse(
  as,
  web,
  await oauth.authorizationCodeGrantRequest(as, web, webAuth, answer, config.callback, verifier, insecure),
)
check('code with PKCE', redeemed.refresh_token && redeemed.scope === 'orders:read', redeemed)
const refresh = async (token) =>
  oauth.processRefreshTokenResponse(as, web, await oauth.refreshTokenGrantRequest(as, web, webAuth, token, insecure))
const refreshed = await refresh(redeemed.refresh_token)
check('refresh rotates', refreshed.refresh_token !== redeemed.refresh_token, refreshed)
await refuses('a used refresh token', 'invalid_grant', () => refresh(redeemed.refresh_token))
await oauth.processRevocationResponse(
  await oauth.revocationRequest(as, web, webAuth, refreshed.refresh_token, insecure),
)
await refuses('a revoked refresh token', 'invalid_grant', () => refresh(refreshed.refresh_token))

// FAPI 2.0: pushed requests, DPoP, private_key_jwt.
const strict = { client_id: config.fapi.id }
const strictAuth = oauth.PrivateKeyJwt({ key: await readKey(config.fapi.key), kid: config.fapi.key.kid })
const keys = await oauth.generateKeyPair('ES256')
const DPoP = oauth.DPoP(strict, keys)
const bound = { DPoP, ...insecure }

async function withNonce(work) {
  try {
    return await work()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return work()
  }
}

const pushedRequest = await newRequest(strict, 'orders:read offline_access')
const pushed = await withNonce(async () =>
  oauth.processPushedAuthorizationResponse(
    as,
    strict,
    await oauth.pushedAuthorizationRequest(as, strict, strictAuth, pushedRequest.parameters, bound),
  ),
)
check('PAR', pushed.request_uri && pushed.expires_in < 600, pushed)
const back = await authorize(strict, { client_id: strict.client_id, request_uri: pushed.request_uri })
const strictAnswer = oauth.validateAuthResponse(as, strict, back, pushedRequest.state)
const strictTokens = await withNonce(async () =>
  oauth.processAuthorizationCodeResponse(
    as,
    strict,
    await oauth.authorizationCodeGrantRequest(
      as, strict, strictAuth, strictAnswer, config.callback, pushedRequest.verifier, bound,
    ),
  ),
)
check('code of a pushed request, bound by DPoP', strictTokens.token_type === 'dpop', strictTokens)
const strictRefreshed = await withNonce(async () =>
  oauth.processRefreshTokenResponse(
    as,
    strict,
    await oauth.refreshTokenGrantRequest(as, strict, strictAuth, strictTokens.refresh_token, bound),
  ),
)
check('refresh bound by DPoP', strictRefreshed.token_type === 'dpop', strictRefreshed)
await refuses('the same client without a proof', 'invalid_dpop_proof', async () =>
  oauth.processRefreshTokenResponse(
    as,
    strict,
    await oauth.refreshTokenGrantRequest(as, strict, strictAuth, strictRefreshed.refresh_token, insecure),
  ),
)

// The graph itself.
const graph = new URL(`${config.issuer}/graphql`)
const headers = new Headers({ 'content-type': 'application/json' })
const query = JSON.stringify({ query: '{ __typename }' })
const ask = () =>
  oauth.protectedResourceRequest(strictRefreshed.access_token, 'POST', graph, headers, query, bound)
const graphed = await withNonce(ask)
check('the graph with a bound token', (await graphed.json()).data.__typename === 'Query', graphed.status)
const stripped = await fetch(graph, {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${strictRefreshed.access_token}` },
  body: query,
})
check('the graph refuses it as a bearer token', stripped.status === 401, stripped.status)

const checked = await oauth.validateJwtAccessToken(
  as,
  new Request(graph, { headers: { authorization: `Bearer ${redeemed.access_token}` } }),
  config.audience,
  insecure,
)
check('an access token verifies by our JWKS (RFC 9068)', checked.client_id === web.client_id, checked)
