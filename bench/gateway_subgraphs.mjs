// The stub's data as Apollo Federation subgraphs, answered from memory: `node gateway_subgraphs.mjs PORT UPSTREAM`.
// Writes what federated gateways are given beside itself (supergraph.graphql, grafbase.toml), then listens.
// Its packages are installed by bench/gateway_peers.py into build/peers/subgraphs, which is where it is copied to.
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { buildSubgraphSchema } from '@apollo/subgraph'
import { assertCompositionSuccess, composeServices } from '@theguild/federation-composition'
import { parse } from 'graphql'
import { createYoga } from 'graphql-yoga'

const [, , port, upstream] = process.argv
const beside = name => fileURLToPath(new URL(name, import.meta.url))
const global = (type, key) => Buffer.from(`${type}:${key}`).toString('base64')
const many = async (route, keys) => {
  const answer = await fetch(upstream + route, { method: 'POST', body: JSON.stringify({ keys }) })
  return answer.json()
}
const byId = (type, found, keys) => new Map(keys.map((key, n) => [global(type, key), found[n]]))

const { items } = await (await fetch(`${upstream}/members?first=1000`)).json()
const memberKeys = items.map(found => found.id)
const groupsFound = await many('/read/groups-by-member', memberKeys)
const groupKeys = groupsFound.flat().map(found => found.id)
const members = byId('Member', items, memberKeys)
const groups = byId('Member', groupsFound, memberKeys)
const memberships = byId('Group', await many('/read/memberships-by-group', groupKeys), groupKeys)

const link = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])'
const Member = {
  __resolveReference: ({ id }) => members.get(id),
  id: found => global('Member', found.id),
  displayName: found => found.display_name,
  joinedAt: found => found.joined_at
}
const subgraphs = {
  members: [`${link}
    type Query { members(first: Int!): Members!  member(id: ID!): Member }
    type Members { edges: [Edge!]! }
    type Edge { node: Member! }
    type Member @key(fields: "id") { id: ID!  displayName: String!  joinedAt: String! }`, {
    Query: {
      members: (_, { first }) => items.slice(0, first),
      member: (_, { id }) => members.get(id)
    },
    Members: { edges: found => found.map(node => ({ node })) },
    Member
  }],
  groups: [`${link}
    type Member @key(fields: "id") { id: ID!  groups: [Group!] }
    type Group @key(fields: "id") { id: ID!  name: String! }`, {
    Member: { groups: ({ id }) => groups.get(id) },
    Group: { id: found => global('Group', found.id) }
  }],
  memberships: [`${link}
    type Group @key(fields: "id") { id: ID!  memberships: [Membership!] }
    type Membership { role: String!  member: Member }
    type Member @key(fields: "id", resolvable: false) { id: ID! }`, {
    Group: { memberships: ({ id }) => memberships.get(id) },
    Membership: {
      role: found => found.role.toUpperCase(),
      member: found => ({ id: global('Member', found.member_id) })
    }
  }]
}

const handlers = new Map()
const services = []
let toml = ''
for (const [name, [text, resolvers]] of Object.entries(subgraphs)) {
  const typeDefs = parse(text)
  const url = `http://127.0.0.1:${port}/${name}`
  const schema = buildSubgraphSchema({ typeDefs, resolvers })
  handlers.set(`/${name}`, createYoga({ schema, graphqlEndpoint: `/${name}`, logging: false }))
  services.push({ name, typeDefs, url })
  const file = beside(`${name}.graphql`)
  writeFileSync(file, text)
  toml += `[subgraphs.${name}]\nurl = "${url}"\nschema_path = "${file}"\n`
}
const composed = composeServices(services)
assertCompositionSuccess(composed)
writeFileSync(beside('supergraph.graphql'), composed.supergraphSdl)
writeFileSync(beside('grafbase.toml'), toml)
createServer((request, response) => handlers.get(request.url)(request, response)).listen(Number(port), '127.0.0.1')
