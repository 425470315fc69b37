// The same schema behind Node's gateways, with their compiler switched on: `node gateway_node.mjs yoga|mercurius PORT UPSTREAM`.
// Its packages are installed by bench/gateway_peers.py into build/peers, which is where this file is copied to.
import DataLoader from 'dataloader'
import { makeExecutableSchema } from '@graphql-tools/schema'
import { Pool } from 'undici'

const [, , kind, port, upstream] = process.argv
const pool = new Pool(upstream, { connections: 64 })

async function ask (method, path, body) {
  const { body: answer } = await pool.request({
    method, path, headers: { 'content-type': 'application/json' }, body: body && JSON.stringify(body)
  })
  return answer.json()
}

const many = route => new DataLoader(keys => ask('POST', route, { keys }), { maxBatchSize: 1000 })
const loaders = () => ({
  members: many('/read/members'),
  groups: many('/read/groups-by-member'),
  memberships: many('/read/memberships-by-group')
})
const global = (type, key) => Buffer.from(`${type}:${key}`).toString('base64')

const typeDefs = `
  type Query { members(first: Int!): Members!  member(id: ID!): Member }
  type Members { edges: [Edge!]! }
  type Edge { node: Member! }
  type Member { id: ID!  displayName: String!  joinedAt: String!  groups: [Group!] }
  type Group { id: ID!  name: String!  memberships: [Membership!] }
  type Membership { role: String!  member: Member }
`
const resolvers = {
  Query: {
    members: async (_, { first }) => (await ask('GET', `/members?first=${first}`)).items,
    member: (_, { id }, { members }) => members.load(Buffer.from(id, 'base64').toString().split(':')[1])
  },
  Members: { edges: items => items.map(node => ({ node })) },
  Member: {
    id: found => global('Member', found.id),
    displayName: found => found.display_name,
    joinedAt: found => found.joined_at,
    groups: (found, _, { groups }) => groups.load(found.id)
  },
  Group: {
    id: found => global('Group', found.id),
    memberships: (found, _, { memberships }) => memberships.load(found.id)
  },
  Membership: {
    role: found => found.role.toUpperCase(),
    member: (found, _, { members }) => members.load(found.member_id)
  }
}

if (kind === 'mercurius') {
  const { default: Fastify } = await import('fastify')
  const { default: mercurius } = await import('mercurius')
  const app = Fastify()
  app.register(mercurius, { schema: makeExecutableSchema({ typeDefs, resolvers }), jit: 1, context: loaders })
  await app.listen({ port: Number(port), host: '127.0.0.1' })
} else {
  const { createServer } = await import('node:http')
  const { createYoga } = await import('graphql-yoga')
  const { useGraphQlJit } = await import('@envelop/graphql-jit')
  const schema = makeExecutableSchema({ typeDefs, resolvers })
  const yoga = createYoga({ schema, plugins: [useGraphQlJit()], context: loaders, logging: false })
  createServer(yoga).listen(Number(port), '127.0.0.1')
}
