// The graph in three composition libraries, alone and beside a subgraph that adds to its numbers by their key.
import { readFileSync } from 'node:fs'
import * as apollo from '@apollo/composition'
import * as hive from '@theguild/federation-composition'
import * as cosmo from '@wundergraph/composition'
import { parse } from 'graphql'
import { check } from './report.mjs'

const STAFF = ['members:manage', 'complaints:decide', 'orders:draft', 'orders:approve', 'audit:read'].sort()
const WITH_KEY = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
type PhoneNumber @key(fields: "e164") {
  e164: E164!
  portedFrom: String
}
scalar E164
type Query {
  portedNumbers: [PhoneNumber!]!
}`
const graph = { name: 'jembatan', url: 'http://jembatan.example/graphql', sdl: readFileSync('../../schema/schema.graphql', 'utf8') }
const porting = { name: 'porting', url: 'http://porting.example/graphql', sdl: WITH_KEY }

for (const [situation, subgraphs] of Object.entries({ alone: [graph], 'with a second subgraph': [graph, porting] })) {
  const services = subgraphs.map(({ name, url, sdl }) => ({ name, url, typeDefs: parse(sdl) }))
  for (const [name, library] of Object.entries({ '@apollo/composition': apollo, '@theguild/federation-composition': hive })) {
    const { errors, supergraphSdl } = library.composeServices(services)
    check(`${name} composes it ${situation}`, supergraphSdl && !errors?.length, errors?.map(({ message }) => message))
    checkScopes(`${name} keeps its scopes ${situation}`, readScopes(supergraphSdl))
  }
  const composed = cosmo.federateSubgraphs({
    subgraphs: subgraphs.map(({ name, url, sdl }) => ({ name, url, definitions: parse(sdl) })),
    version: cosmo.LATEST_ROUTER_COMPATIBILITY_VERSION,
  })
  check(`@wundergraph/composition composes it ${situation}`, composed.success, composed.errors?.map(({ message }) => message))
  checkScopes(`@wundergraph/composition keeps its scopes ${situation}`, Object.fromEntries(
    composed.fieldConfigurations
      .filter(({ typeName, fieldName }) => typeName === 'Member' && ['contact', 'officers'].includes(fieldName))
      .map(({ fieldName, requiredScopes }) => [fieldName, requiredScopes.map((scopes) => [...scopes].sort().join()).sort()]),
  ))
}

// What the types of both fields ask, which is what a router then asks for the fields.
function readScopes(supergraphSdl) {
  const types = new Map(parse(supergraphSdl).definitions.map((definition) => [definition.name?.value, definition]))
  return Object.fromEntries(['contact', 'officers'].map((name) => {
    const field = types.get('Member').fields.find((field) => field.name.value === name)
    const returned = types.get(field.type.name.value)
    const [{ arguments: [{ value }] }] = returned.directives.filter(({ name }) => name.value === 'requiresScopes')
    return [name, value.values.map((scopes) => scopes.values.map(({ value }) => value).sort().join()).sort()]
  }))
}

function checkScopes(name, found) {
  check(name, ['contact', 'officers'].every((field) => found[field]?.join(' ') === STAFF.join(' ')), found)
}
