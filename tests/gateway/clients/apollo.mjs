// Apollo Client: every example, then pages of a connection merged in its cache, things found again by their ids, errors.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { CombinedGraphQLErrors } from "@apollo/client/errors";
import { relayStylePagination } from "@apollo/client/utilities";
import { filter, firstValueFrom } from "rxjs";

import { authorization, remember, report, task, variablesOf } from "./common.mjs";

const cache = new InMemoryCache({
  possibleTypes: { Node: task.nodes },
  typePolicies: { Viewer: { merge: true, fields: { pairings: relayStylePagination() } } },
});
const signed = new ApolloLink((operation, forward) => {
  operation.setContext({ headers: authorization(operation.query.loc.source.body) });
  return forward(operation);
});
const client = new ApolloClient({ cache, link: signed.concat(new HttpLink({ uri: task.url })) });

const answers = [];
for (const example of task.examples) {
  const variables = variablesOf(example);
  const document = gql(example.text);
  const mutates = document.definitions.some((each) => each.operation === "mutation");
  const { data, error } = mutates
    ? await client.mutate({ mutation: document, variables })
    : await client.query({ query: document, variables });
  remember(data);
  answers.push({ name: document.definitions[0].name.value, data, error: error?.message ?? null });
}

const PAGES = gql`
  query Pages($first: Int!, $after: String) {
    viewer { pairings(first: $first, after: $after) { edges { cursor node { id status } } pageInfo { hasNextPage endCursor } } }
  }
`;
const watched = client.watchQuery({ query: PAGES, variables: { first: 1 }, fetchPolicy: "network-only" });
watched.subscribe(() => {}); // as a screen that shows it does
const first = await firstValueFrom(watched.pipe(filter(({ loading }) => !loading)));
await watched.fetchMore({ variables: { after: first.data.viewer.pairings.pageInfo.endCursor } });
const pages = client.readQuery({ query: PAGES, variables: { first: 1 } }).viewer.pairings.edges.map((edge) => edge.node.id);

const MEMBER = gql`fragment M on Member { displayName }`;
const kept = client.readFragment({ fragment: MEMBER, from: { __typename: "Member", id: task.real.MEMBER_ID } });

let refused = null;
try {
  await client.query({ query: gql`query Bad { nothing }`, fetchPolicy: "no-cache" });
} catch (error) {
  refused = CombinedGraphQLErrors.is(error) ? error.errors[0].extensions.code : String(error);
}
report({ answers, pages, kept, refused });
client.stop();
