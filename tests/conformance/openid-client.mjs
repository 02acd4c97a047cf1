// openid-client, as an application would use it.
import * as client from 'openid-client'
import { logIn } from './browser.mjs'
import { check, config, readKey, refuses } from './report.mjs'

const options = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] }
const discover = (id, auth, metadata = {}) => client.discovery(new URL(config.issuer), id, metadata, auth, options)
const keyOf = async ({ key }) => client.PrivateKeyJwt({ key: await readKey(key), kid: key.kid })

const machine = await discover(config.machine.id, client.ClientSecretBasic(config.machine.secret))
check('discovery', machine.serverMetadata().issuer === config.issuer, machine.serverMetadata())
for (const [name, its] of Object.entries({
  Basic: machine,
  private_key_jwt: await discover(config.keyed.id, await keyOf(config.keyed)),
})) {
  const token = await client.clientCredentialsGrant(its, { scope: 'orders:read', resource: config.audience })
  check(`client credentials by ${name}, with a resource`, token.expiresIn() > 0, token)
  check(`introspection by ${name}`, (await client.tokenIntrospection(its, token.access_token)).active, token)
  await client.tokenRevocation(its, token.access_token)
  check(`revocation by ${name}`, !(await client.tokenIntrospection(its, token.access_token)).active, token)
  const handle = client.getDPoPHandle(its, await client.randomDPoPKeyPair())
  const bound = await client.clientCredentialsGrant(its, { scope: 'orders:read' }, { DPoP: handle })
  check(`client credentials by ${name}, bound by DPoP`, bound.token_type === 'dpop', bound)
  const body = JSON.stringify({ query: '{ __typename }' })
  const headers = new Headers({ 'content-type': 'application/json' })
  const graph = new URL(`${config.issuer}/graphql`)
  const reply = await client.fetchProtectedResource(its, bound.access_token, graph, 'POST', body, headers, {
    DPoP: handle,
  })
  check(`the graph with it`, (await reply.json()).data.__typename === 'Query', reply.status)
}
await refuses('another resource', 'invalid_target', () =>
  client.clientCredentialsGrant(machine, { resource: 'https://other.example.org' }),
)

async function logInThrough(its, build, DPoP) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const parameters = {
    redirect_uri: config.callback,
    scope: 'orders:read offline_access',
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  }
  const back = await logIn(await build(its, parameters, { DPoP }), { ...config.officer, callback: config.callback })
  return client.authorizationCodeGrant(its, back, { pkceCodeVerifier, expectedState }, {}, { DPoP })
}

const web = await discover(config.web.id, client.ClientSecretBasic(config.web.secret))
const tokens = await logInThrough(web, (its, parameters) => client.buildAuthorizationUrl(its, parameters))
check('code with PKCE', tokens.refresh_token, tokens)
const next = await client.refreshTokenGrant(web, tokens.refresh_token)
check('refresh', next.refresh_token !== tokens.refresh_token, next)
await refuses('a used refresh token', 'invalid_grant', () => client.refreshTokenGrant(web, tokens.refresh_token))

const strict = await discover(config.fapi.id, await keyOf(config.fapi))
const DPoP = client.getDPoPHandle(strict, await client.randomDPoPKeyPair())
const pushed = await logInThrough(strict, client.buildAuthorizationUrlWithPAR, DPoP)
check('code by PAR, bound by DPoP', pushed.token_type === 'dpop', pushed)
check('refresh bound by DPoP', (await client.refreshTokenGrant(strict, pushed.refresh_token, {}, { DPoP })).refresh_token)
